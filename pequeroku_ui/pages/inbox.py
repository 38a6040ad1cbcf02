"""What happened while I was away."""

import reflex as rx

from pequeroku_ui.components.layout import bones, trouble
from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.inbox import InboxState, NoticeRow


def page() -> rx.Component:
    """A list, newest first."""
    return framed(
        rx.el.div(
            rx.el.div(
                rx.el.h1("Inbox"),
                rx.el.p(
                    rx.cond(InboxState.unread > 0, f"{InboxState.unread} not read", "All read"),
                    class_name="pq-quiet",
                    role="status",
                ),
            ),
            rx.cond(
                InboxState.unread > 0,
                rx.button(
                    rx.icon("check-check", size=16, aria_hidden="true"),
                    "Mark all as read",
                    on_click=InboxState.read_all,
                    variant="soft",
                    color_scheme="gray",
                    size="3",
                ),
            ),
            class_name="pq-head",
        ),
        rx.cond(
            InboxState.trouble != "",
            trouble(InboxState.load),
            rx.cond(
                InboxState.ready,
                rx.cond(InboxState.rows.length() > 0, _list(), _empty()),
                bones("Loading your inbox"),
            ),
        ),
    )


def _list() -> rx.Component:
    return rx.fragment(
        rx.el.ul(rx.foreach(InboxState.rows, _notice), class_name="pq-panel pq-notices", role="list"),
        rx.cond(
            InboxState.has_more,
            rx.button(
                "Show more", on_click=InboxState.more, variant="soft", color_scheme="gray", size="3", margin_top="16px"
            ),
        ),
    )


def _notice(each: NoticeRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(
                rx.el.span(each.kind, class_name="pq-tag", custom_attrs={"data-tone": each.tone}),
                rx.cond(~each.is_read, rx.el.span("new", class_name="pq-new")),
                ago(at=each.at, class_name="pq-quiet"),
                class_name="pq-notice-head",
            ),
            rx.el.h2(each.title),
            rx.cond(each.text != "", rx.el.p(each.text, class_name="pq-notice-text")),
        ),
        rx.cond(
            (each.link != "") | ~each.is_read,
            rx.button(
                rx.cond(each.link != "", "Open", "Mark as read"),
                on_click=InboxState.follow(each.id),
                variant="soft",
                color_scheme="gray",
                size="2",
                aria_label=rx.cond(each.link != "", "Open", "Mark as read") + ": " + each.title,
            ),
        ),
        key=each.id.to_string(),
        custom_attrs={"data-read": each.is_read.to_string()},
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.icon("inbox", size=36, aria_hidden="true"), class_name="pq-ring"),
        rx.el.h2("Nothing happened while you were away"),
        rx.el.p("What stops, fails, expires or is shared with you is told here, and in every open tab."),
        class_name="pq-panel pq-blank",
    )
