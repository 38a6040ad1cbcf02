"""What forms are made of."""

import reflex as rx

from pequeroku_ui.components.moments import ago


def field(label: str, name: str, *, hint: str = "", **props: object) -> rx.Component:
    """A label with its input, and a word on what is wanted."""
    return rx.el.label(
        rx.el.span(label),
        rx.el.input(name=name, spell_check=False, class_name="pq-input", **props),
        *([rx.el.span(hint, class_name="pq-quiet")] if hint else []),
        class_name="pq-field",
    )


def password_field(label: str, name: str, auto_complete: str, **props: object) -> rx.Component:
    """An input that shows dots."""
    return field(label, name, type="password", auto_complete=auto_complete, required=True, **props)


def choice(label: str, name: str, *options: tuple[str, str], **props: object) -> rx.Component:
    """One of a few: (value, words) each."""
    return rx.el.label(
        rx.el.span(label),
        rx.el.select(
            *(rx.el.option(words, value=value) for value, words in options), name=name, class_name="pq-input", **props
        ),
        class_name="pq-field",
    )


def problem(text: rx.Var[str], **props: object) -> rx.Component:
    """Why the last try was refused; nothing while it was not."""
    return rx.cond(text != "", note("bad", "circle-alert", text, role="alert", **props))


def note(tone: str, icon: str, *words: object, **props: object) -> rx.Component:
    """A sentence that stands out."""
    return rx.el.p(
        rx.icon(icon, size=18, aria_hidden="true"),
        rx.el.span(*words),
        class_name="pq-note",
        custom_attrs={"data-tone": tone},
        **props,
    )


def shown_once(title: str, explanation: str, text: rx.Var[str], done: rx.event.EventType) -> rx.Component:
    """A secret that nobody can show again, ready to be copied."""
    return rx.el.div(
        rx.el.p(rx.el.b(title)),
        rx.el.p(explanation, class_name="pq-quiet"),
        rx.el.pre(text, class_name="pq-secret", tab_index=0, aria_label=title),
        rx.el.div(
            rx.button(
                rx.icon("copy", size=16, aria_hidden="true"),
                "Copy",
                on_click=[rx.set_clipboard(text), rx.toast.success("Copied.")],
                size="2",
            ),
            rx.button("Done", on_click=done, variant="soft", color_scheme="gray", size="2"),
            class_name="pq-icons pq-once-end",
        ),
        role="status",
        class_name="pq-once",
    )


def sure(question: str, text: str, answer: str, does: rx.event.EventType, trigger: rx.Component) -> rx.Component:
    """A button that asks before it does what can't be taken back."""
    return rx.alert_dialog.root(
        rx.alert_dialog.trigger(trigger),
        rx.alert_dialog.content(
            rx.alert_dialog.title(question),
            rx.alert_dialog.description(text),
            rx.el.div(
                rx.alert_dialog.cancel(rx.button("Keep it", variant="soft", color_scheme="gray", size="3")),
                rx.alert_dialog.action(rx.button(answer, color_scheme="red", size="3", on_click=does)),
                class_name="pq-dialog-end",
            ),
            max_width="30rem",
        ),
    )


def last_used(at: rx.Var[str]) -> rx.Component:
    """When something was used, in words."""
    return rx.cond(at != "", rx.el.span("Last used ", ago(at=at)), rx.el.span("Never used"))
