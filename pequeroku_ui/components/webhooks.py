"""The dialogs of the webhooks' page."""

import reflex as rx

from pequeroku_ui.components.buttons import copy_button
from pequeroku_ui.components.dialogs import answers, dialog, dialog_end, form_dialog, question
from pequeroku_ui.components.forms import field
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state.webhooks import KINDS, WebhooksState


def edit_dialog() -> rx.Component:
    """Where it goes, and what it is told of."""
    return form_dialog(
        rx.cond(WebhooksState.edited_id > 0, "Change the webhook", "New webhook"),
        "We send each notification there as JSON, signed with a secret of its own.",
        field(
            "Address",
            "url",
            type="url",
            default_value=WebhooksState.edited_url,
            placeholder="https://example.com/hook",
            max_length=500,
            required=True,
        ),
        rx.el.fieldset(
            rx.el.legend("Tell it of", class_name="pq-legend"),
            *(_box(name, words) for name, words in KINDS),
            class_name="pq-kinds",
        ),
        problem(WebhooksState.problem),
        end=answers("Save"),
        on_submit=WebhooksState.save,
        max_width="36rem",
        open=WebhooksState.is_editing,
        on_open_change=WebhooksState.close_form,
    )


def _box(name: str, words: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=name, default_checked=WebhooksState.edited_kinds.contains(name)),
        rx.el.span(words),
    )


def secret_dialog() -> rx.Component:
    """The secret, this once."""
    return dialog(
        "Its secret",
        "Copy it now: it is not shown again. With it your program checks that a message is ours, "
        "as Standard Webhooks has it.",
        rx.el.code(WebhooksState.secret, class_name="pq-hook-secret"),
        dialog_end(
            copy_button(WebhooksState.secret, variant="soft", color_scheme="gray"),
            rx.dialog.close(rx.button("Done", size="3")),
        ),
        max_width="34rem",
        open=WebhooksState.secret != "",
        on_open_change=WebhooksState.forget_secret,
    )


def delete_question() -> rx.Component:
    """What would be lost, and the two answers."""
    return question(
        "Delete this webhook?",
        f"{WebhooksState.doomed_url} is told nothing any more. Its log goes, and what still waits to be sent.",
        "Delete",
        WebhooksState.delete,
        open=WebhooksState.doomed_id > 0,
        on_open_change=lambda _: WebhooksState.ask_delete(0),
    )
