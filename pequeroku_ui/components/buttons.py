"""Buttons that occur on many pages. A main one is `rx.button` as it is."""

import reflex as rx


def quiet_button(*words: object, size: str = "3", **props: object) -> rx.Component:
    """Beside a main button, or where nothing presses."""
    return rx.button(*words, variant="soft", color_scheme="gray", size=size, **props)


def add_button(label: str, does: rx.event.EventType, **props: object) -> rx.Component:
    """Begins something new. Before the page can hear a click, none can be made."""
    plus = rx.icon("plus", size=18, aria_hidden="true")
    return rx.button(plus, label, on_click=does, disabled=~rx.State.is_hydrated, size="3", **props)


def copy_button(text: rx.Var[str], *, size: str = "3", **props: object) -> rx.Component:
    """Puts a text into the clipboard, and says so."""
    does = [rx.set_clipboard(text), rx.toast.success("Copied.")]
    return rx.button(rx.icon("copy", size=16, aria_hidden="true"), "Copy", on_click=does, size=size, **props)


def icon_button(
    icon: str, title: str, *, name: rx.Var[str] | str | None = None, has_words: bool = False, **props: object
) -> rx.Component:
    """An icon; if it `has_words`, its title stands beside it where there is room. `name`: a title that says more."""
    return rx.el.button(
        rx.icon(icon, size=16, aria_hidden="true"),
        *([rx.el.span(title, class_name="pq-wide-only")] if has_words else []),
        type="button",
        aria_label=title if name is None else name,
        title=title,
        class_name="pq-icon-button",
        custom_attrs={"data-action": "delete"} if icon == "trash-2" else {},
        **props,
    )
