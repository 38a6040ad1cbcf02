"""Pieces that show a container: its status, its meters, what can be done to it."""

import reflex as rx

from pequeroku_ui.state.power import PowerState
from pequeroku_ui.state.rows import Row
from pequeroku_ui.state.sharing import SharingState


def status_pill(row: Row) -> rx.Component:
    """A dot and a word."""
    return rx.el.span(
        rx.el.span(class_name="pq-dot", aria_hidden="true"),
        row.label,
        class_name="pq-status",
        custom_attrs={"data-tone": row.tone, "data-status": row.status},
    )


def meter(label: str, percent: rx.Var[int], words: rx.Var[str]) -> rx.Component:
    """A share of 100, drawn and said."""
    return rx.el.div(
        rx.el.span(label, class_name="pq-meter-label"),
        rx.el.progress(value=percent, max=100, aria_label=label, class_name="pq-meter"),
        rx.el.span(words, class_name="pq-meter-value"),
        class_name="pq-meter-row",
    )


def power_buttons(row: Row, *, with_words: bool = False) -> rx.Component:
    """What I may do, and no more: icons, and words beside them where there is room."""
    return rx.el.div(
        rx.cond(row.can_share, _action("users", "Share", row, SharingState.open(row.id), with_words)),
        rx.cond(row.can_restart, _action("rotate-cw", "Restart", row, PowerState.restart(row.id), with_words)),
        rx.cond(row.can_stop, _action("square", "Stop", row, PowerState.stop(row.id), with_words)),
        rx.cond(row.can_delete, _action("trash-2", "Delete", row, PowerState.ask_delete(row.id), with_words)),
        rx.cond(row.can_leave, _action("log-out", "Give up", row, SharingState.leave(row.id), with_words)),
        class_name="pq-icons",
    )


def start_button(row: Row, *, size: str = "2") -> rx.Component:
    """Start, or try again after an error; nothing for who may only look."""
    return rx.cond(
        row.can_retry,
        rx.button(
            rx.icon("rotate-cw", size=16, aria_hidden="true"), "Retry", on_click=PowerState.start(row.id), size=size
        ),
        rx.cond(
            row.can_start,
            rx.button(
                rx.icon("play", size=16, aria_hidden="true"), "Start", on_click=PowerState.start(row.id), size=size
            ),
        ),
    )


def note(tone: str, icon: str, text: rx.Var[str] | str) -> rx.Component:
    """A sentence that matters, with its colour."""
    return rx.el.p(
        rx.icon(icon, size=18, aria_hidden="true"),
        rx.el.span(text),
        class_name="pq-note",
        custom_attrs={"data-tone": tone},
    )


def delete_dialog() -> rx.Component:
    """One for the page: what would be lost, and the two answers."""
    return rx.alert_dialog.root(
        rx.alert_dialog.content(
            rx.alert_dialog.title("Delete “", PowerState.doomed_name, "”?"),
            rx.alert_dialog.description(
                "Its ",
                PowerState.doomed_disk,
                " disk is erased with everything on it: files, installed software, whatever runs. "
                "There is no way back.",
            ),
            rx.el.div(
                rx.alert_dialog.cancel(rx.button("Keep it", variant="soft", color_scheme="gray", size="3")),
                rx.alert_dialog.action(
                    rx.button(
                        rx.icon("trash-2", size=16, aria_hidden="true"),
                        "Delete",
                        color_scheme="red",
                        size="3",
                        on_click=PowerState.delete,
                    )
                ),
                class_name="pq-dialog-end",
            ),
            max_width="30rem",
        ),
        open=PowerState.is_confirming,
        on_open_change=PowerState.confirm,
    )


def _action(icon: str, label: str, row: Row, wish: rx.event.EventType, with_words: bool) -> rx.Component:
    return rx.el.button(
        rx.icon(icon, size=16, aria_hidden="true"),
        *([rx.el.span(label, class_name="pq-wide-only")] if with_words else []),
        type="button",
        on_click=wish,
        aria_label=f"{label} {row.name}",
        title=label,
        class_name="pq-icon-button",
        custom_attrs={"data-action": label.lower()},
    )
