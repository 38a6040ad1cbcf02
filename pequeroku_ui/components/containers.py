"""Pieces that show a container: its status, its meters, what can be done to it."""

import reflex as rx

from pequeroku_ui.components.buttons import icon_button, quiet_button
from pequeroku_ui.components.dialogs import question
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


def power_buttons(row: Row, *, has_words: bool = False) -> rx.Component:
    """What I may do, and no more: icons, and words beside them where there is room."""
    return rx.el.div(
        rx.cond(row.can_share, _action("users", "Share", row, SharingState.open(row.id), has_words)),
        rx.cond(row.can_restart, _action("rotate-cw", "Restart", row, PowerState.restart(row.id), has_words)),
        rx.cond(row.can_stop, _action("square", "Stop", row, PowerState.stop(row.id), has_words)),
        rx.cond(row.can_delete, _action("trash-2", "Delete", row, PowerState.ask_delete(row.id), has_words)),
        rx.cond(row.can_leave, _action("log-out", "Give up", row, SharingState.leave(row.id), has_words)),
        class_name="pq-icons",
    )


def start_button(row: Row, *, size: str = "2") -> rx.Component:
    """Start, or try again after an error; nothing for who may only look."""
    start = {"on_click": PowerState.start(row.id), "size": size}
    return rx.cond(
        row.can_retry,
        rx.button(rx.icon("rotate-cw", size=16, aria_hidden="true"), "Retry", **start),
        rx.cond(
            row.can_start,
            rx.button(rx.icon("play", size=16, aria_hidden="true"), rx.cond(row.is_asleep, "Wake", "Start"), **start),
        ),
    )


def afresh_button(row: Row) -> rx.Component:
    """Beside the one that wakes it: boot it instead, for which its memory is lost."""
    return rx.cond(
        row.can_start_afresh,
        question(
            f"Start “{row.name}” afresh?",
            "What ran in it, and what was not saved, is lost. Its disk is kept.",
            "Start afresh",
            PowerState.start_afresh(row.id),
            trigger=quiet_button("Start afresh", type="button"),
        ),
    )


def delete_dialog() -> rx.Component:
    """One for the page: what would be lost, and the two answers."""
    return question(
        f"Delete “{PowerState.doomed_name}”?",
        f"Its {PowerState.doomed_disk} disk is erased with everything on it: files, installed software, whatever runs. "
        "There is no way back.",
        "Delete",
        PowerState.delete,
        open=PowerState.is_confirming,
        on_open_change=PowerState.confirm,
    )


def _action(icon: str, label: str, row: Row, wish: rx.event.EventType, has_words: bool) -> rx.Component:
    return icon_button(icon, label, name=f"{label} {row.name}", has_words=has_words, on_click=wish)
