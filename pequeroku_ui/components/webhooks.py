"""The dialogs of the webhooks' page."""

import reflex as rx

from pequeroku_ui.state.webhooks import KINDS, WebhooksState


def edit_dialog() -> rx.Component:
    """Where it goes, and what it is told of."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title(rx.cond(WebhooksState.edited_id > 0, "Change the webhook", "New webhook")),
            rx.dialog.description("We send each notification there as JSON, signed with a secret of its own."),
            rx.form(
                _address(),
                rx.el.fieldset(
                    rx.el.legend("Tell it of", class_name="pq-legend"),
                    *(_box(name, words) for name, words in KINDS),
                    class_name="pq-boxes",
                ),
                rx.cond(WebhooksState.problem != "", _problem()),
                rx.el.div(
                    rx.dialog.close(rx.button("Cancel", type="button", variant="soft", color_scheme="gray", size="3")),
                    rx.button("Save", type="submit", size="3"),
                    class_name="pq-dialog-end",
                ),
                on_submit=WebhooksState.save,
                class_name="pq-form",
            ),
            max_width="36rem",
        ),
        open=WebhooksState.is_editing,
        on_open_change=WebhooksState.close_form,
    )


def _address() -> rx.Component:
    return rx.el.label(
        rx.el.span("Address"),
        rx.el.input(
            name="url",
            type="url",
            default_value=WebhooksState.edited_url,
            placeholder="https://example.com/hook",
            max_length=500,
            required=True,
            auto_complete="off",
            spell_check=False,
            class_name="pq-input",
        ),
        class_name="pq-field",
    )


def _problem() -> rx.Component:
    return rx.el.p(
        rx.icon("circle-alert", size=18, aria_hidden="true"),
        rx.el.span(WebhooksState.problem),
        role="alert",
        class_name="pq-note",
        custom_attrs={"data-tone": "bad"},
    )


def _box(name: str, words: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=name, default_checked=WebhooksState.edited_kinds.contains(name)),
        rx.el.span(words),
    )


def secret_dialog() -> rx.Component:
    """The secret, this once."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("Its secret"),
            rx.dialog.description(
                "Copy it now: it is not shown again. With it your program checks that a message is ours, "
                "as Standard Webhooks has it."
            ),
            rx.el.code(WebhooksState.secret, class_name="pq-secret"),
            rx.el.div(
                rx.button(
                    rx.icon("copy", size=16, aria_hidden="true"),
                    "Copy",
                    variant="soft",
                    color_scheme="gray",
                    size="3",
                    on_click=rx.set_clipboard(WebhooksState.secret),
                ),
                rx.dialog.close(rx.button("Done", size="3")),
                class_name="pq-dialog-end",
            ),
            max_width="34rem",
        ),
        open=WebhooksState.secret != "",
        on_open_change=WebhooksState.forget_secret,
    )


def delete_question() -> rx.Component:
    """What would be lost, and the two answers."""
    return rx.alert_dialog.root(
        rx.alert_dialog.content(
            rx.alert_dialog.title("Delete this webhook?"),
            rx.alert_dialog.description(
                WebhooksState.doomed_url, " is told nothing any more. Its log goes, and what still waits to be sent."
            ),
            rx.el.div(
                rx.alert_dialog.cancel(
                    rx.button(
                        "Keep it",
                        variant="soft",
                        color_scheme="gray",
                        size="3",
                        on_click=WebhooksState.ask_delete(0),
                    )
                ),
                rx.alert_dialog.action(
                    rx.button("Delete", color_scheme="red", size="3", on_click=WebhooksState.delete)
                ),
                class_name="pq-dialog-end",
            ),
            max_width="30rem",
        ),
        open=WebhooksState.doomed_id > 0,
    )
