"""What opens above a page: dialogs, those with a form in them, and questions."""

import reflex as rx

from pequeroku_ui.components.buttons import quiet_button

Words = rx.Component | rx.Var[str] | str


def dialog(title: Words, lead: Words, *children: rx.Component, max_width: str, **root: object) -> rx.Component:
    """A title, what it is about, and the rest. `root`: what opens it, and what hears that it was closed."""
    return rx.dialog.root(
        rx.dialog.content(rx.dialog.title(title), rx.dialog.description(lead), *children, max_width=max_width), **root
    )


def form_dialog(
    title: Words,
    lead: Words,
    *fields: rx.Component,
    end: rx.Component,
    on_submit: rx.event.EventType,
    max_width: str = "32rem",
    **root: object,
) -> rx.Component:
    """A dialog that asks for something. `end`: its last line, with the answers."""
    form = rx.form(*fields, end, on_submit=on_submit, class_name="pq-form")
    return dialog(title, lead, form, max_width=max_width, **root)


def answers(label: rx.Var[str] | str, *, hint: rx.Component | None = None, **props: object) -> rx.Component:
    """The end of a form in a dialog: not after all, or go on."""
    go_on = rx.button(label, type="submit", size="3", **props)
    return dialog_end(*([] if hint is None else [hint]), closing("Cancel"), go_on)


def closing(label: str) -> rx.Component:
    """The button that closes the dialog around it."""
    return rx.dialog.close(quiet_button(label, type="button"))


def dialog_end(*buttons: rx.Component) -> rx.Component:
    """The last line of a dialog or of a form."""
    return rx.el.div(*buttons, class_name="pq-dialog-end")


def question(
    title: Words,
    text: Words,
    answer: Words,
    does: rx.event.EventType,
    *,
    trigger: rx.Component | None = None,
    decline: str = "Keep it",
    **root: object,
) -> rx.Component:
    """Asks before something is done that can't be taken back, when `trigger` is pressed or `root` says so."""
    return rx.alert_dialog.root(
        *([] if trigger is None else [rx.alert_dialog.trigger(trigger)]),
        rx.alert_dialog.content(
            rx.alert_dialog.title(title),
            rx.alert_dialog.description(text),
            dialog_end(
                rx.alert_dialog.cancel(quiet_button(decline)),
                rx.alert_dialog.action(rx.button(answer, color_scheme="red", size="3", on_click=does)),
            ),
            max_width="30rem",
        ),
        **root,
    )
