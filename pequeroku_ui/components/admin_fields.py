"""The fields of the administration's forms, drawn from their descriptions."""

import reflex as rx

from pequeroku_ui.state import admin_words as words


def field_view(
    each: words.FormField, wrong: rx.Var[str] | str = "", *, checks: rx.event.EventType | None = None
) -> rx.Component:
    """One field, by its kind, with its help and what is wrong with it. `checks` is called with its name and value."""
    wrong = rx.Var.create(wrong)
    parts = [
        rx.cond(each.help != "", rx.el.span(each.help, class_name="pq-quiet", id="help-" + each.name)),
        rx.cond(wrong != "", rx.el.span(wrong, class_name="pq-field-problem", id="problem-" + each.name)),
    ]
    common = {
        "name": each.name,
        "custom_attrs": {
            "aria-invalid": rx.cond(wrong != "", "true", "false"),
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


def _line(each: words.FormField, common: dict, checks: rx.event.EventType | None) -> rx.Component:
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
