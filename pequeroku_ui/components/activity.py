"""Rows of the audit log for people who are no admins."""

import reflex as rx

from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.dialogs import closing, dialog_end
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.activity import ActivityRow, ActivityState
from pequeroku_ui.state.rows import Row


def activity_list() -> rx.Component:
    """What was done, newest first."""
    return rx.fragment(
        rx.cond(
            ActivityState.rows.length() > 0,
            rx.el.ul(rx.foreach(ActivityState.rows, _row), class_name="pq-activity", role="list"),
            rx.el.p("Nothing yet.", class_name="pq-quiet"),
        ),
        rx.cond(
            ActivityState.has_more,
            quiet_button("Show more", on_click=ActivityState.more, size="2"),
        ),
    )


def activity_dialog(row: Row) -> rx.Component:
    """A button, and what was done to the container. It is its owner's to know."""
    return rx.dialog.root(
        rx.dialog.trigger(
            rx.el.button(
                rx.icon("history", size=14, aria_hidden="true"),
                rx.el.span("Activity", class_name="pq-wide-only"),
                type="button",
                aria_label="Activity of " + row.name,
                class_name="pq-ghost",
            )
        ),
        rx.dialog.content(
            rx.dialog.title("Activity"),
            rx.dialog.description("What was done to “", row.name, "”, and by whom."),
            rx.el.div(activity_list(), tab_index=0, class_name="pq-scrolls", role="region", aria_label="Activity"),
            dialog_end(closing("Close")),
            max_width="40rem",
        ),
        open=ActivityState.is_open,
        on_open_change=lambda is_open: ActivityState.show(row.id, is_open),
    )


def _row(each: ActivityRow) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.b(each.what),
            rx.cond(each.is_refused, rx.el.span("refused", class_name="pq-tag", custom_attrs={"data-tone": "bad"})),
            ago(at=each.at, class_name="pq-quiet"),
            class_name="pq-activity-head",
        ),
        rx.cond(each.message != "", rx.el.p(each.message)),
        rx.el.p(each.who, rx.cond(each.where != "", " · " + each.where, ""), class_name="pq-quiet"),
        key=each.id.to_string(),
    )
