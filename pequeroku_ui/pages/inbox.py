"""What happened while I was away."""

import reflex as rx

from pequeroku_ui.components.blanks import blank, content, panel_bones
from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.layout import framed, page_head
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.inbox import InboxState, NoticeRow


def page() -> rx.Component:
    """A list, newest first."""
    return framed(
        page_head(
            "Inbox",
            rx.cond(InboxState.unread > 0, f"{InboxState.unread} not read", "All read"),
            rx.cond(InboxState.unread > 0, _read_all()),
            is_live=True,
        ),
        content(
            InboxState.load,
            rx.cond(InboxState.rows.length() > 0, _list(), _empty()),
            panel_bones("Loading your inbox"),
        ),
    )


def _read_all() -> rx.Component:
    ticks = rx.icon("check-check", size=16, aria_hidden="true")
    return quiet_button(ticks, "Mark all as read", on_click=InboxState.read_all)


def _list() -> rx.Component:
    return rx.fragment(
        rx.el.ul(rx.foreach(InboxState.rows, _notice), class_name="pq-panel pq-notices", role="list"),
        rx.cond(InboxState.has_more, quiet_button("Show more", on_click=InboxState.more, margin_top="16px")),
    )


def _notice(each: NoticeRow) -> rx.Component:
    does = rx.cond(each.link != "", "Open", "Mark as read")
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
            quiet_button(does, size="2", on_click=InboxState.follow(each.id), aria_label=does + ": " + each.title),
        ),
        key=each.id.to_string(),
        custom_attrs={"data-read": each.is_read.to_string()},
    )


def _empty() -> rx.Component:
    return blank(
        "inbox",
        "Nothing happened while you were away",
        rx.el.p("What stops, fails, expires or is shared with you is told here, and in every open tab."),
    )
