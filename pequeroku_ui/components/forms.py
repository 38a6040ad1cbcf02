"""What forms are made of."""

import reflex as rx

from pequeroku_ui.components.buttons import copy_button, quiet_button


def labelled(label: str, control: rx.Component, *below: rx.Component, is_optional: bool = False) -> rx.Component:
    """A label around what it is for."""
    may_be_empty = [rx.el.span(" (optional)", class_name="pq-quiet")] if is_optional else []
    return rx.el.label(rx.el.span(label, *may_be_empty), control, *below, class_name="pq-field")


def field(label: str, name: str, *, hint: str = "", is_optional: bool = False, **props: object) -> rx.Component:
    """A label with its input, and a word on what is wanted."""
    given = {"auto_complete": "off", "spell_check": False, "class_name": "pq-input", **props}
    below = [rx.el.span(hint, class_name="pq-quiet")] if hint else []
    return labelled(label, rx.el.input(name=name, **given), *below, is_optional=is_optional)


def password_field(label: str, name: str, auto_complete: str, **props: object) -> rx.Component:
    """An input that shows dots."""
    return field(label, name, type="password", auto_complete=auto_complete, required=True, **props)


def choice(label: str, name: str, *options: tuple[str, str], **props: object) -> rx.Component:
    """One of a few: (value, words) each."""
    words = (rx.el.option(said, value=value) for value, said in options)
    return labelled(label, rx.el.select(*words, name=name, class_name="pq-input", **props))


def tick(words: str, name: str, **props: object) -> rx.Component:
    """A box to tick."""
    box = rx.el.input(type="checkbox", name=name, **props)
    return rx.el.label(box, rx.el.span(words), class_name="pq-check")


def search_field(name: str, words: rx.Var[str], does: rx.event.EventType, *, placeholder: str) -> rx.Component:
    """Searches while one types."""
    search = rx.el.input(
        type="search", value=words, on_change=does, placeholder=placeholder, aria_label=name, class_name="pq-input"
    )
    return rx.debounce_input(search, debounce_timeout=150)


def shown_once(title: str, explanation: str, text: rx.Var[str], done: rx.event.EventType) -> rx.Component:
    """A secret that nobody can show again, ready to be copied."""
    return rx.el.div(
        rx.el.p(rx.el.b(title)),
        rx.el.p(explanation, class_name="pq-quiet"),
        rx.el.pre(text, class_name="pq-secret", tab_index=0, aria_label=title),
        rx.el.div(
            copy_button(text, size="2"),
            quiet_button("Done", on_click=done, size="2"),
            class_name="pq-icons pq-once-end",
        ),
        role="status",
        class_name="pq-once",
    )
