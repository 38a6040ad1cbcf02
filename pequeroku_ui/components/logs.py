"""A container's logs: what happened to it, and what its system wrote to the console."""

import reflex as rx

from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.logs import LogRow, LogsState

_ROW = ContainerState.shown


def logs_view() -> rx.Component:
    """Below the row of views. It is read when it is brought to the front, and followed until it is left."""
    return rx.el.div(
        rx.el.div(
            rx.el.h2("Events", id="events-title"),
            quiet_button("Read again", on_click=LogsState.look(_ROW.id), size="2"),
            class_name="pq-card-head",
        ),
        _events(),
        rx.cond(_ROW.can_see_console, _console()),
        on_mount=LogsState.look(_ROW.id),
        on_unmount=LogsState.close,
        class_name="pq-logs",
    )


def _events() -> rx.Component:
    return rx.el.section(
        rx.cond(
            LogsState.events.length() > 0,
            rx.el.ul(rx.foreach(LogsState.events, _event), class_name="pq-activity", role="list"),
            rx.el.p("Nothing has happened yet.", class_name="pq-quiet"),
        ),
        rx.cond(LogsState.has_more, quiet_button("Show more", on_click=LogsState.older, size="2")),
        tab_index=0,
        aria_labelledby="events-title",
        class_name="pq-log-events",
    )


def _event(each: LogRow) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.b(each.what),
            rx.cond(each.is_bad, rx.el.span("failed", class_name="pq-tag", custom_attrs={"data-tone": "bad"})),
            ago(at=each.at, class_name="pq-quiet"),
            class_name="pq-activity-head",
        ),
        rx.cond(each.text != "", rx.el.p(each.text)),
        key=each.id.to_string(),
    )


def _console() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Console", id="console-title"),
        rx.cond(
            LogsState.console != "",
            rx.fragment(
                rx.el.p("What the system inside wrote last ", ago(at=LogsState.console_at), ".", class_name="pq-quiet"),
                rx.el.div(  # its end is in front, and stays there while more comes, unless one reads further up
                    rx.el.pre(LogsState.console),
                    role="log",
                    aria_live="off",
                    tab_index=0,
                    aria_labelledby="console-title",
                    class_name="pq-console",
                ),
            ),
            rx.el.p("The system inside has written nothing to its console.", class_name="pq-quiet"),
        ),
        aria_labelledby="console-title",
    )
