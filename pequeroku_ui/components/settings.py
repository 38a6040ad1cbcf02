"""A container's settings: the dialog, the button that opens it, and the strip that says what time brings."""

import reflex as rx

from pequeroku_ui.components.buttons import icon_button, quiet_button
from pequeroku_ui.components.cards import type_cards
from pequeroku_ui.components.dialogs import closing, dialog, dialog_end
from pequeroku_ui.components.forms import choice, field
from pequeroku_ui.components.moments import until
from pequeroku_ui.components.notes import note, problem
from pequeroku_ui.state.rows import Row, ScheduleRow
from pequeroku_ui.state.settings import SettingsState

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def prospects(row: Row) -> rx.Component:
    """What time brings, and what holds from the next start on."""
    return rx.fragment(
        rx.cond(
            row.expires_at != "",
            rx.el.div(
                rx.icon("hourglass", size=18, aria_hidden="true"),
                rx.el.span("It is deleted with its disk ", until(at=row.expires_at), "."),
                rx.cond(row.keep != "", rx.button(row.keep, on_click=SettingsState.keep(row.id), size="2")),
                class_name="pq-note pq-prospect",
                custom_attrs={"data-tone": rx.cond(row.is_expiry_near, "warn", "off")},
            ),
        ),
        rx.cond(
            row.idle_stop != "",
            note("off", "moon", "It is stopped when nobody has used it for " + row.idle_stop + "."),
        ),
        rx.cond(
            row.next_size != "",
            note("off", "ruler", "Its type has changed. From its next start it has " + row.next_size + "."),
        ),
    )


def settings_dialog() -> rx.Component:
    """One for the page."""
    return dialog(
        f"Settings of “{SettingsState.box_name}”",
        "Its size, and when it starts and stops by itself.",
        _size(),
        _schedules(),
        dialog_end(closing("Close")),
        max_width="42rem",
        open=SettingsState.is_setting,
        on_open_change=SettingsState.close,
    )


def _size() -> rx.Component:
    return rx.el.section(
        rx.el.h3("Size", id="size-title"),
        rx.el.p(
            rx.cond(
                SettingsState.box_runs,
                "It restarts to take a new size: what runs in it ends. Its disk stays.",
                "It has its new size when it starts. Its disk stays.",
            ),
            " A disk grows and never shrinks.",
            class_name="pq-quiet",
        ),
        rx.form(
            type_cards(SettingsState.kinds, SettingsState.box_type),
            rx.cond(SettingsState.is_admin, _overrides()),
            problem(SettingsState.size_problem),
            dialog_end(rx.button("Resize", type="submit", size="3")),
            on_submit=SettingsState.resize,
            class_name="pq-form",
        ),
        aria_labelledby="size-title",
        class_name="pq-setting",
    )


def _overrides() -> rx.Component:
    """Administrators only; the service makes sure of it."""
    return rx.el.details(
        rx.el.summary("Override what the type says"),
        rx.el.div(
            field("Memory, MiB", "memory_mb", type="number", min="0"),
            field("vCPUs", "vcpus", type="number", min="0"),
            field("Disk, GiB", "disk_gib", type="number", min="0"),
            class_name="pq-threes",
        ),
        rx.el.p("Empty leaves it as it is, 0 follows the type again.", class_name="pq-quiet"),
    )


def _schedules() -> rx.Component:
    return rx.el.section(
        rx.el.h3("Schedule", id="schedule-title"),
        rx.cond(
            SettingsState.schedules.length() > 0,
            rx.el.ul(rx.foreach(SettingsState.schedules, _schedule), class_name="pq-schedules", role="list"),
            rx.el.p(
                "It starts and stops when you say so. Add a time of day, and it also does by itself.",
                class_name="pq-quiet",
            ),
        ),
        rx.form(
            _when(),
            rx.el.fieldset(
                rx.el.legend("Days", class_name="pq-legend"),
                *(_day(str(number), label) for number, label in enumerate(_DAYS)),
                class_name="pq-days",
            ),
            problem(SettingsState.schedule_problem),
            dialog_end(quiet_button("Add", type="submit")),
            on_submit=SettingsState.add_schedule,
            key=SettingsState.forms.to_string(),
            class_name="pq-form",
        ),
        aria_labelledby="schedule-title",
        class_name="pq-setting",
    )


def _schedule(each: ScheduleRow) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.el.b(each.what),
            rx.el.span(" ", each.when),
            rx.cond(
                each.enabled, rx.el.span("next ", until(at=each.next_at), class_name="pq-tag"), rx.el.span(" (off)")
            ),
        ),
        rx.el.div(
            quiet_button(
                rx.cond(each.enabled, "Switch off", "Switch on"),
                on_click=SettingsState.switch_schedule(each.id, ~each.enabled),
                size="2",
            ),
            icon_button(
                "trash-2",
                "Remove",
                name="Remove " + each.what + " " + each.when,
                on_click=SettingsState.remove_schedule(each.id),
            ),
            class_name="pq-icons",
        ),
    )


def _when() -> rx.Component:
    return rx.el.div(
        choice("Do what", "what", ("start", "Start"), ("stop", "Stop")),
        field("At", "time", type="time", default_value="08:00", required=True),
        field(
            "Time zone",
            "time_zone",
            default_value=SettingsState.time_zone,
            key=SettingsState.time_zone,
            max_length=64,
            required=True,
        ),
        class_name="pq-threes",
    )


def _day(number: str, label: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=f"day{number}", default_checked=int(number) < 5), rx.el.span(label)
    )
