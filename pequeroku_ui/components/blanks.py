"""What stands in the place of content: while it is read, where it could not be, and where there is none."""

from collections.abc import Callable

import reflex as rx

from pequeroku_ui.components.layout import bare_panel
from pequeroku_ui.state.base import AppState

_BLANK = "pq-panel pq-blank"


def content(
    load: rx.EventHandler,
    shown: rx.Component,
    bones: rx.Component,
    *,
    is_ready: rx.Var[bool] | None = None,
) -> rx.Component:
    """What a page is about, once it has been read. `load`: its state's handler that does, and what “Try again” does."""
    is_there = has_read(load) if is_ready is None else is_ready
    return rx.cond(AppState.trouble != "", _trouble(load), rx.cond(is_there, shown, bones))


def has_read(load: rx.EventHandler) -> rx.Var[bool]:
    """Whether the state with this handler has read what its page is about."""
    return AppState.read.contains(load.state_full_name)


def blank(icon: str, title: str, *rest: rx.Component, heading: Callable[..., rx.Component] = rx.el.h2) -> rx.Component:
    """There is nothing to see: why, and what can be done about it."""
    ring = rx.el.div(rx.icon(icon, size=36, aria_hidden="true"), class_name="pq-ring")
    return rx.el.div(ring, heading(title), *rest, class_name=_BLANK)


def missing(title: str, why: str, others: str, href: str) -> rx.Component:
    """There is no such thing, as far as this person may know; and the way to the others."""
    way_out = rx.link(others, href=href, class_name="pq-button-link", underline="none")
    return blank("ghost", title, rx.el.p(why), way_out, heading=rx.el.h1)


def nothing_here() -> rx.Component:
    """A whole page: what stands at an address that does not exist, or that is nobody else's business."""
    way_out = rx.link("Go to your containers", href="/", class_name="pq-button-link")
    return bare_panel("There is nothing here", way_out, lead="The address is wrong, or what was here is gone.")


def no_rows(*why: rx.Component) -> rx.Component:
    """In the place of a table."""
    return rx.el.div(rx.el.h2("Nothing here"), *why, class_name=_BLANK)


def panel_bones(label: str) -> rx.Component:
    """Stand in for a panel."""
    return _reading(label, *_lines(), class_name="pq-panel pq-section pq-bones")


def card_bones(label: str, *, count: int = 3, card: str = "pq-card", grid: str = "pq-cards") -> rx.Component:
    """Stand in for cards."""
    cards = (rx.el.div(*_lines(), class_name=f"pq-panel {card}") for _ in range(count))
    return _reading(label, *cards, class_name=grid)


def page_bones(label: str) -> rx.Component:
    """Stand in for a page that is one large thing."""
    title, rest = rx.el.div(class_name="pq-bone pq-bone-title"), rx.el.div(class_name="pq-panel pq-bone-tall")
    return _reading(label, title, rest, class_name="pq-loading")


def _reading(label: str, *bones: rx.Component, class_name: str) -> rx.Component:
    return rx.el.div(*bones, class_name=class_name, role="status", aria_busy="true", aria_label=label)


def _lines() -> list[rx.Component]:
    return [rx.el.div(class_name=f"pq-bone{more}") for more in (" pq-bone-title", "", " pq-bone-short")]


def _trouble(retry: rx.event.EventType[()]) -> rx.Component:
    return rx.el.div(
        rx.icon("cloud-off", size=28, aria_hidden="true"),
        rx.el.h2("This could not be loaded"),
        rx.el.p(AppState.trouble),
        rx.button(rx.icon("rotate-cw", size=16, aria_hidden="true"), "Try again", on_click=retry, size="3"),
        role="alert",
        class_name=f"{_BLANK} pq-trouble",
    )
