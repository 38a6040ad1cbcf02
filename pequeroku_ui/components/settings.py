"""A container's settings: the dialog, the button that opens it, and the strip that says what time brings."""

import reflex as rx

from pequeroku_ui.components.containers import note
from pequeroku_ui.components.moments import until
from pequeroku_ui.state.rows import Row, ScheduleRow, TypeRow
from pequeroku_ui.state.settings import SettingsState

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def settings_button(row: Row) -> rx.Component:
    """For whoever may change them."""
    return rx.cond(
        row.has_settings,
        rx.el.button(
            rx.icon("settings-2", size=16, aria_hidden="true"),
            rx.el.span("Settings", class_name="pq-wide-only"),
            type="button",
            on_click=SettingsState.open(row.id),
            aria_label=f"Settings of {row.name}",
            title="Settings",
            class_name="pq-icon-button",
        ),
    )


def prospects(row: Row) -> rx.Component:
    """What time brings, and what holds from the next start on."""
    return rx.fragment(
        rx.cond(
            row.expires_at != "",
            rx.el.div(
                rx.icon("hourglass", size=18, aria_hidden="true"),
                rx.el.span("It is deleted with its disk ", until(at=row.expires_at), "."),
                rx.cond(
                    row.keep != "",
                    rx.button(row.keep, on_click=SettingsState.keep(row.id), size="2"),
                ),
                class_name="pq-note pq-prospect",
                custom_attrs={"data-tone": rx.cond(row.is_expiry_near, "warn", "off")},
            ),
        ),
        rx.cond(
            row.next_size != "",
            note("off", "ruler", "Its type has changed. From its next start it has " + row.next_size + "."),
        ),
    )


def settings_dialog() -> rx.Component:
    """One for the page."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("Settings of “", SettingsState.box_name, "”"),
            rx.dialog.description("Its size, and when it starts and stops by itself."),
            _size(),
            _schedules(),
            rx.el.div(
                rx.dialog.close(rx.button("Close", variant="soft", color_scheme="gray", size="3")),
                class_name="pq-dialog-end",
            ),
            max_width="42rem",
        ),
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
            rx.el.fieldset(
                rx.el.legend("Type", class_name="pq-legend"),
                rx.foreach(SettingsState.kinds, _kind),
                class_name="pq-types",
            ),
            rx.cond(SettingsState.is_admin, _overrides()),
            _problem(SettingsState.size_problem),
            rx.el.div(rx.button("Resize", type="submit", size="3"), class_name="pq-dialog-end"),
            on_submit=SettingsState.resize,
            class_name="pq-form",
        ),
        aria_labelledby="size-title",
        class_name="pq-setting",
    )


def _kind(each: TypeRow) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="type",
            value=each.id,
            default_checked=each.id == SettingsState.box_type,
            disabled=~each.affordable,
        ),
        rx.el.span(
            rx.el.b(each.name, class_name="pq-type-name"),
            rx.el.span(each.cost, class_name="pq-type-cost"),
            class_name="pq-type-head",
        ),
        rx.el.span(rx.el.span(each.vcpus), rx.el.span(each.memory), rx.el.span(each.disk), class_name="pq-type-facts"),
        rx.cond(
            each.affordable,
            rx.el.span(each.forecast, class_name="pq-type-leaves"),
            rx.el.span(each.why_not, class_name="pq-type-why"),
        ),
        class_name="pq-type",
        custom_attrs={"data-kind": each.name},
    )


def _overrides() -> rx.Component:
    """Administrators only; the service makes sure of it."""
    return rx.el.details(
        rx.el.summary("Override what the type says"),
        rx.el.div(
            _number("Memory, MiB", "memory_mb"),
            _number("vCPUs", "vcpus"),
            _number("Disk, GiB", "disk_gib"),
            class_name="pq-threes",
        ),
        rx.el.p("Empty leaves it as it is, 0 follows the type again.", class_name="pq-quiet"),
    )


def _number(label: str, name: str) -> rx.Component:
    return rx.el.label(
        rx.el.span(label), rx.el.input(type="number", name=name, min="0", class_name="pq-input"), class_name="pq-field"
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
            _problem(SettingsState.schedule_problem),
            rx.el.div(
                rx.button("Add", type="submit", size="3", variant="soft", color_scheme="gray"),
                class_name="pq-dialog-end",
            ),
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
            rx.button(
                rx.cond(each.enabled, "Switch off", "Switch on"),
                on_click=SettingsState.switch_schedule(each.id, ~each.enabled),
                size="2",
                variant="soft",
                color_scheme="gray",
            ),
            rx.el.button(
                rx.icon("trash-2", size=16, aria_hidden="true"),
                type="button",
                on_click=SettingsState.remove_schedule(each.id),
                aria_label="Remove " + each.what + " " + each.when,
                class_name="pq-icon-button",
            ),
            class_name="pq-icons",
        ),
    )


def _when() -> rx.Component:
    return rx.el.div(
        rx.el.label(
            rx.el.span("Do what"),
            rx.el.select(
                rx.el.option("Start", value="start"),
                rx.el.option("Stop", value="stop"),
                name="what",
                class_name="pq-input",
            ),
            class_name="pq-field",
        ),
        rx.el.label(
            rx.el.span("At"),
            rx.el.input(type="time", name="time", default_value="08:00", required=True, class_name="pq-input"),
            class_name="pq-field",
        ),
        rx.el.label(
            rx.el.span("Time zone"),
            rx.el.input(
                name="time_zone",
                default_value=SettingsState.time_zone,
                key=SettingsState.time_zone,
                max_length=64,
                required=True,
                spell_check=False,
                class_name="pq-input",
            ),
            class_name="pq-field",
        ),
        class_name="pq-threes",
    )


def _day(number: str, label: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=f"day{number}", default_checked=int(number) < 5), rx.el.span(label)
    )


def _problem(text: rx.Var[str]) -> rx.Component:
    return rx.cond(
        text != "",
        rx.el.p(
            rx.icon("circle-alert", size=18, aria_hidden="true"),
            rx.el.span(text),
            role="alert",
            class_name="pq-note",
            custom_attrs={"data-tone": "bad"},
        ),
    )
