"""Renaming a container, and copying it: the dialogs."""

import reflex as rx

from pequeroku_ui.components.dialogs import answers, form_dialog
from pequeroku_ui.components.forms import field
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state.naming import NamingState


def naming_dialogs() -> rx.Component:
    """Both, once for the page."""
    return rx.fragment(_rename(), _copy())


def _rename() -> rx.Component:
    return form_dialog(
        f"Rename “{NamingState.named}”",
        "Its page and its lists have the new name at once, the system inside from its next start on.",
        field("Name", "name", default_value=NamingState.named, key=NamingState.named, max_length=63, required=True),
        problem(NamingState.name_problem),
        end=answers("Rename"),
        on_submit=NamingState.rename,
        open=NamingState.is_renaming,
        on_open_change=NamingState.close,
    )


def _copy() -> rx.Component:
    return form_dialog(
        f"Copy “{NamingState.named}”",
        rx.cond(
            NamingState.runs,
            "Its disk is copied as it is at one moment. It runs on; what it has in memory is not copied.",
            "Its disk is copied as it is. It can be started again when that is done.",
        ),
        field("Name, or leave it empty", "name", placeholder=f"{NamingState.named}-copy", max_length=63),
        rx.el.label(rx.el.input(type="checkbox", name="starts", value="on"), rx.el.span(" Start it when it is there")),
        rx.el.p("It has keys of its own, and is shared with nobody.", class_name="pq-quiet"),
        problem(NamingState.name_problem),
        end=answers("Copy"),
        on_submit=NamingState.copy,
        open=NamingState.is_copying,
        on_open_change=NamingState.close,
    )
