"""What the pages of the administration share: their frame, their tables, and what can be done to rows."""

import reflex as rx

from backend.services.admin.screens import SCREENS
from pequeroku_ui.components.admin_fields import field_view
from pequeroku_ui.components.bar import place_link
from pequeroku_ui.components.blanks import nothing_here
from pequeroku_ui.components.dialogs import answers, form_dialog
from pequeroku_ui.components.layout import framed
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state import admin_words as words
from pequeroku_ui.state.admin import AdminDoorState
from pequeroku_ui.state.admin_act import AdminActState

_ICONS = sorted({act.icon for screen in SCREENS.values() for act in screen.acts})
_OWN = (
    ("layout-dashboard", "Overview", words.HOME),
    ("refresh-cw", "Reconciler", f"{words.HOME}/reconciler"),
    ("chart-column", "AI costs", f"{words.HOME}/costs"),
    ("lightbulb", "Tips", f"{words.HOME}/tips/policies"),
)
_TIPS = f"{words.HOME}/tips"
_OF_TIPS = (
    ("Policies", f"{_TIPS}/policies"),
    ("Rewards", f"{_TIPS}/rewards"),
    ("Candidates", f"{_TIPS}/candidates"),
    ("Freshness", f"{_TIPS}/freshness"),
    ("Events", f"{_TIPS}/events"),
)


def admin_page(*children: rx.Component) -> rx.Component:
    """A page for administrators; for anybody else there is nothing here."""
    return rx.cond(
        AdminDoorState.is_hidden,
        nothing_here(),
        framed(
            rx.el.div(_places(), rx.el.div(*children, class_name="pq-admin-main"), class_name="pq-admin"),
            act_dialog(),
        ),
    )


def tips_nav() -> rx.Component:
    """From one of the pages about tips to the next."""
    path = rx.State.router.url.path
    places = (place_link(label, href=href, is_here=path.startswith(href)) for label, href in _OF_TIPS)
    return rx.el.nav(*places, aria_label="Tips", class_name="pq-subnav")


def _places() -> rx.Component:
    screens = ((each.icon, each.title, words.place_of(each)) for each in SCREENS.values())
    return rx.el.nav(
        *(_place(*each) for each in (*_OWN, *screens)), aria_label="Administration", class_name="pq-places"
    )


def _place(icon: str, label: str, href: str) -> rx.Component:
    path = rx.State.router.url.path
    area = _TIPS if href.startswith(_TIPS) else href.rstrip("/")
    here = path.startswith(area) if href != words.HOME else (path == href) | (path == f"{href}/")
    return place_link(rx.icon(icon, size=16, aria_hidden="true"), label, href=href, is_here=here)


def table(label: rx.Var[str] | str, heads: rx.Component, rows: rx.Component) -> rx.Component:
    """A table, in a frame that scrolls."""
    return rx.el.div(
        rx.el.table(rx.el.thead(heads), rx.el.tbody(rows), class_name="pq-table"),
        class_name="pq-panel pq-table-frame",
        role="region",
        aria_label=label,
        tab_index=0,
    )


def cell_view(cell: words.Cell) -> rx.Component:
    """A value: a moment, a word with its colour, code or text; and where it leads."""
    shown = rx.match(
        cell.show,
        ("at", rx.cond(cell.at != "", rx.el.time(cell.at.split(".")[0].replace("T", " "), date_time=cell.at), "–")),
        ("code", rx.el.code(cell.text)),
        rx.cond(
            cell.tone != "",
            rx.el.span(cell.text, class_name="pq-status", custom_attrs={"data-tone": cell.tone}),
            rx.el.span(cell.text),
        ),
    )
    return rx.cond(cell.href != "", rx.link(shown, href=cell.href), shown)


def act_button(act: words.ActButton) -> rx.Component:
    """A button that asks, or does."""
    icons = ((each, rx.icon(each, size=16, aria_hidden="true")) for each in _ICONS)
    return rx.el.button(
        rx.match(act.icon, *icons, rx.fragment()),
        act.label,
        type="button",
        on_click=AdminActState.ask(act.name),
        class_name="pq-icon-button",
        custom_attrs={"data-action": rx.cond(act.is_grave, "delete", act.name)},
    )


def outcome() -> rx.Component:
    """What came of the last act."""
    return rx.el.div(
        rx.cond(
            AdminActState.outcome != "",
            rx.el.div(
                rx.el.span(AdminActState.outcome, class_name="pq-outcome-text"),
                rx.el.button(
                    rx.icon("x", size=16, aria_hidden="true"),
                    type="button",
                    aria_label="Close",
                    on_click=AdminActState.forget,
                    class_name="pq-ghost",
                ),
                class_name="pq-note pq-outcome",
                custom_attrs={"data-tone": AdminActState.outcome_tone},
            ),
        ),
        role="status",
    )


def act_dialog() -> rx.Component:
    """What an act does, what it needs to know, and the two answers."""
    button = AdminActState.button
    return form_dialog(
        AdminActState.heading,
        AdminActState.question,
        rx.foreach(AdminActState.fields, lambda each: field_view(each)),
        problem(AdminActState.problem),
        end=rx.cond(AdminActState.is_grave, answers(button, color_scheme="red"), answers(button)),
        on_submit=AdminActState.answer,
        open=AdminActState.is_asking,
        on_open_change=AdminActState.close,
    )
