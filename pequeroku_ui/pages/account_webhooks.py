"""My webhooks."""

import reflex as rx

from pequeroku_ui.components.account import account_head
from pequeroku_ui.components.blanks import blank, content, panel_bones
from pequeroku_ui.components.buttons import add_button
from pequeroku_ui.components.layout import framed
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.webhooks import delete_question, edit_dialog, secret_dialog
from pequeroku_ui.state.webhooks import DeliveryRow, WebhookRow, WebhooksState


def page() -> rx.Component:
    """The list, with each one's log."""
    return framed(
        account_head(add_button("New webhook", WebhooksState.edit(0))),
        content(
            WebhooksState.load,
            rx.cond(WebhooksState.rows.length() > 0, _list(), _empty()),
            panel_bones("Loading your webhooks"),
        ),
        edit_dialog(),
        secret_dialog(),
        delete_question(),
    )


def _list() -> rx.Component:
    return rx.el.ul(rx.foreach(WebhooksState.rows, _webhook), class_name="pq-column", role="list")


def _webhook(row: WebhookRow) -> rx.Component:
    is_shown = WebhooksState.shown_id == row.id
    return rx.el.li(
        rx.el.div(
            rx.el.h2(row.url, class_name="pq-url"),
            rx.cond(
                row.active,
                rx.el.span("on", class_name="pq-tag"),
                rx.el.span("off", class_name="pq-tag", custom_attrs={"data-tone": "off"}),
            ),
            class_name="pq-card-head",
        ),
        rx.el.p("Told of: ", row.kinds, class_name="pq-quiet"),
        rx.el.div(
            _button("send", "Send a test", WebhooksState.test(row.id), row),
            _button("pencil", "Change", WebhooksState.edit(row.id), row),
            _button("key-round", "New secret", WebhooksState.rotate(row.id), row),
            rx.cond(
                row.active,
                _button("pause", "Switch off", WebhooksState.switch(row.id, False), row),
                _button("play", "Switch on", WebhooksState.switch(row.id, True), row),
            ),
            rx.cond(
                is_shown,
                _button("chevron-up", "Hide the log", WebhooksState.show_log(0), row),
                _button("chevron-down", "Show the log", WebhooksState.show_log(row.id), row),
            ),
            _button("trash-2", "Delete", WebhooksState.ask_delete(row.id), row),
            class_name="pq-row-actions",
        ),
        rx.cond(is_shown, _log()),
        class_name="pq-panel pq-section",
        key=row.id.to_string(),
        custom_attrs={"data-webhook": row.url},
    )


def _button(icon: str, label: str, event: rx.event.EventType[()], row: WebhookRow) -> rx.Component:
    return rx.el.button(
        rx.icon(icon, size=16, aria_hidden="true"),
        label,
        type="button",
        on_click=event,
        aria_label=f"{label}: {row.url}",
        class_name="pq-icon-button",
        custom_attrs={"data-action": "delete" if label == "Delete" else label},
    )


def _log() -> rx.Component:
    return rx.cond(
        WebhooksState.log.length() > 0,
        rx.el.ul(rx.foreach(WebhooksState.log, _delivery), class_name="pq-activity", role="list"),
        rx.el.p("Nothing was sent yet.", class_name="pq-quiet pq-log-empty"),
    )


def _delivery(each: DeliveryRow) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.b(each.title),
            rx.el.span(each.state, class_name="pq-tag", custom_attrs={"data-tone": each.tone}),
            ago(at=each.at, class_name="pq-quiet"),
            class_name="pq-activity-head",
        ),
        rx.el.p(each.tries, rx.cond(each.outcome != "", " · " + each.outcome, ""), class_name="pq-quiet"),
        rx.el.button(
            rx.icon("rotate-cw", size=14, aria_hidden="true"),
            "Send again",
            type="button",
            on_click=WebhooksState.send_again(each.id),
            aria_label="Send again: " + each.title,
            class_name="pq-ghost",
        ),
        key=each.id.to_string(),
        custom_attrs={"data-state": each.state},
    )


def _empty() -> rx.Component:
    return blank(
        "webhook",
        "Have your own programs told",
        rx.el.p("What your inbox says is sent to an address of yours too: signed, and tried again for a day."),
        add_button("Add a webhook", WebhooksState.edit(0)),
    )
