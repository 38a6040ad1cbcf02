"""The assistant of one container, on a page of its own."""

import reflex as rx

from pequeroku_ui.components.blanks import blank, content, missing, page_bones
from pequeroku_ui.components.chat import chat_page
from pequeroku_ui.components.containers import status_pill
from pequeroku_ui.components.layout import back_link, framed
from pequeroku_ui.components.terminal import terminal_panel
from pequeroku_ui.state.container import ContainerState

_ROW = ContainerState.shown


def page() -> rx.Component:
    """A short header, and the chat below it."""
    return framed(
        content(
            ContainerState.load,
            rx.cond(ContainerState.is_missing, _missing(), _shown()),
            page_bones("Loading the container"),
            is_ready=ContainerState.is_missing | (_ROW.id > 0),
        ),
        fills_window=True,
    )


def _shown() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            back_link("The container’s workspace", "/containers/" + _ROW.key),
            rx.el.h1(_ROW.name),
            rx.el.span(status_pill(_ROW), role="status"),
            class_name="pq-container-head",
        ),
        rx.cond(_ROW.can_terminal, _chat(), _not_for_you()),
    )


def _chat() -> rx.Component:
    return chat_page(
        rx.cond(
            _ROW.shows_terminal,
            terminal_panel(container_id=_ROW.id, container_name=_ROW.name, is_behind_curtain=False),
        ),
        container_id=_ROW.id,
        is_admin=ContainerState.is_admin,
        has_terminal=_ROW.shows_terminal,
    )


def _not_for_you() -> rx.Component:
    whose = rx.el.p("It is for operators and managers of the container.")
    return rx.el.div(
        blank("eye", "The assistant is not for you here", whose),
        class_name="pq-stage",
    )


def _missing() -> rx.Component:
    why = "It does not exist, was deleted, or is not yours to see."
    return rx.el.div(missing("No such container", why, "All containers", "/"), class_name="pq-stage")
