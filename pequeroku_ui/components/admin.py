"""What the pages of the administration share: their frame, their fields, and the question before an act."""

import reflex as rx

from backend.services.admin.screens import SCREENS
from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.pages import missing
from pequeroku_ui.state import admin_words as words
from pequeroku_ui.state.admin import AdminDoorState
from pequeroku_ui.state.admin_act import AdminActState

_ICONS = sorted({act.icon for screen in SCREENS.values() for act in screen.acts})
_OWN = (("layout-dashboard", "Overview", words.HOME), ("refresh-cw", "Reconciler", f"{words.HOME}/reconciler"))


def admin_page(*children: rx.Component) -> rx.Component:
    """A page for administrators; for anybody else there is nothing here."""
    return rx.cond(
        AdminDoorState.is_hidden,
        missing.page(),
        framed(
            rx.el.div(_places(), rx.el.div(*children, class_name="pq-admin-main"), class_name="pq-admin"),
            act_dialog(),
        ),
    )


def _places() -> rx.Component:
    screens = ((each.icon, each.title, words.place_of(each)) for each in SCREENS.values())
    return rx.el.nav(
        *(_place(*each) for each in (*_OWN, *screens)), aria_label="Administration", class_name="pq-places"
    )


def _place(icon: str, label: str, href: str) -> rx.Component:
    path = rx.State.router.url.path
    here = path.startswith(href.rstrip("/")) if href != words.HOME else (path == href) | (path == f"{href}/")
    return rx.link(
        rx.icon(icon, size=16, aria_hidden="true"),
        label,
        href=href,
        underline="none",
        custom_attrs={"aria-current": rx.cond(here, "page", "false")},
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
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title(AdminActState.heading),
            rx.dialog.description(AdminActState.question),
            rx.form(
                rx.foreach(AdminActState.fields, lambda each: field_view(each, "", checks=False)),
                problem_note(AdminActState.problem),
                rx.el.div(
                    rx.dialog.close(rx.button("Cancel", type="button", variant="soft", color_scheme="gray", size="3")),
                    rx.cond(
                        AdminActState.is_grave,
                        rx.button(AdminActState.button, type="submit", color_scheme="red", size="3"),
                        rx.button(AdminActState.button, type="submit", size="3"),
                    ),
                    class_name="pq-dialog-end",
                ),
                on_submit=AdminActState.answer,
                class_name="pq-form",
            ),
            max_width="32rem",
        ),
        open=AdminActState.is_asking,
        on_open_change=AdminActState.close,
    )


def problem_note(problem: rx.Var[str]) -> rx.Component:
    """What is wrong, once for the form."""
    return rx.cond(
        problem != "",
        rx.el.p(
            rx.icon("circle-alert", size=18, aria_hidden="true"),
            rx.el.span(problem),
            role="alert",
            id="form-problem",
            tab_index=-1,
            class_name="pq-note",
            custom_attrs={"data-tone": "bad"},
        ),
    )


def field_view(
    each: words.FormField, problem: rx.Var[str] | str, *, checks: rx.event.EventType | bool = False
) -> rx.Component:
    """One field, by its kind, with its help and what is wrong with it. `checks` is called with its name and value."""
    problem = rx.Var.create(problem)
    parts = [
        rx.cond(each.help != "", rx.el.span(each.help, class_name="pq-quiet", id="help-" + each.name)),
        rx.cond(problem != "", rx.el.span(problem, class_name="pq-field-problem", id="problem-" + each.name)),
    ]
    common = {
        "name": each.name,
        "custom_attrs": {
            "aria-invalid": rx.cond(problem != "", "true", "false"),
            "aria-describedby": "help-" + each.name + " problem-" + each.name,
        },
    }
    return rx.match(
        each.kind,
        ("switch", rx.el.div(_switch(each, common), *parts, class_name="pq-field")),
        ("many", rx.el.fieldset(rx.el.legend(each.label), _boxes(each), *parts, class_name="pq-field pq-many")),
        ("choice", _labelled(each, _select(each, common), parts)),
        ("long", _labelled(each, _long(each, common), parts)),
        _labelled(each, _line(each, common, checks), parts),
    )


def _labelled(each: words.FormField, control: rx.Component, parts: list[rx.Component]) -> rx.Component:
    label = rx.el.span(each.label, rx.cond(each.unit != "", rx.el.span(" (", each.unit, ")", class_name="pq-quiet")))
    return rx.el.div(rx.el.label(label, control, class_name="pq-field"), *parts, class_name="pq-field")


def _line(each: words.FormField, common: dict, checks: rx.event.EventType | bool) -> rx.Component:
    watched = {"on_blur": lambda value: checks(each.name, value)} if checks else {}
    return rx.el.input(
        type=rx.cond(each.kind == "secret", "password", "text"),
        input_mode=each.input_mode,
        default_value=each.value,
        placeholder=each.placeholder,
        auto_complete=rx.cond(each.kind == "secret", "new-password", "off"),
        spell_check=False,
        class_name="pq-input",
        **watched,
        **common,
    )


def _long(each: words.FormField, common: dict) -> rx.Component:
    return rx.el.textarea(
        default_value=each.value, rows="3", spell_check=False, class_name="pq-input pq-long", **common
    )


def _switch(each: words.FormField, common: dict) -> rx.Component:
    box = rx.el.input(type="checkbox", default_checked=each.is_on, class_name="pq-box", **common)
    return rx.el.label(box, rx.el.span(each.label), class_name="pq-tick")


def _select(each: words.FormField, common: dict) -> rx.Component:
    return rx.el.select(
        rx.cond(~each.is_required, rx.el.option("–", value="")),
        rx.foreach(each.options, lambda one: rx.el.option(one.label, value=one.value)),
        default_value=each.value,
        class_name="pq-input",
        **common,
    )


def _boxes(each: words.FormField) -> rx.Component:
    return rx.el.div(
        rx.foreach(
            each.options,
            lambda one: rx.el.label(
                rx.el.input(type="checkbox", name=one.name, default_checked=one.is_chosen, class_name="pq-box"),
                rx.el.span(one.label),
                class_name="pq-tick",
            ),
        ),
        class_name="pq-boxes",
    )
