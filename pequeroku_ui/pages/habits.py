"""My habits and my mood."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.buttons import icon_button, quiet_button
from pequeroku_ui.components.dialogs import question
from pequeroku_ui.components.forms import field
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state.habits import HabitRow, HabitsState, MoodRow

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOODS = (("1", "Bad"), ("2", "Low"), ("3", "So-so"), ("4", "Good"), ("5", "Great"))


def page() -> rx.Component:
    """Habits at the left, mood at the right."""
    return account_page(HabitsState.load, _habits(), _mood())


def _habits() -> rx.Component:
    return section(
        "Habits",
        "habits",
        rx.cond(
            HabitsState.is_asked,
            rx.el.p(
                "Tips know nothing of these yet. Allow that under ",
                rx.link("Privacy", href="/me/privacy", underline="always"),
                ".",
                class_name="pq-quiet",
            ),
        ),
        rx.cond(
            HabitsState.habits.length() > 0,
            rx.el.ul(rx.foreach(HabitsState.habits, _habit), class_name="pq-habits", role="list"),
        ),
        rx.form(
            field("New habit", "name", required=True, max_length=60, placeholder="Read ten pages"),
            rx.el.fieldset(
                rx.el.legend("Days", class_name="pq-legend"),
                *(_day(str(number), label) for number, label in enumerate(_DAYS)),
                class_name="pq-days",
            ),
            problem(HabitsState.problem),
            rx.el.div(rx.button("Add", type="submit", size="3")),
            on_submit=HabitsState.add,
            key="habit" + HabitsState.forms.to_string(),
            class_name="pq-form",
        ),
        lead="What you want to do again and again.",
    )


def _day(number: str, label: str) -> rx.Component:
    return rx.el.label(rx.el.input(type="checkbox", name=f"day{number}", default_checked=True), rx.el.span(label))


def _habit(each: HabitRow) -> rx.Component:
    return rx.el.li(
        rx.el.label(
            rx.el.input(
                type="checkbox",
                checked=each.is_done,
                on_change=HabitsState.tick(each.id, ~each.is_done),
                custom_attrs={"data-habit": each.name},
            ),
            rx.el.span(
                rx.el.b(each.name),
                rx.el.span(
                    each.days, rx.cond(each.streak != "", " · " + each.streak, ""), class_name="pq-quiet pq-habit-days"
                ),
            ),
            class_name="pq-check",
        ),
        rx.el.div(
            icon_button("archive", "Put away", name="Put away " + each.name, on_click=HabitsState.archive(each.id)),
            question(
                "Delete this habit?",
                "Every tick goes with it. There is no way back.",
                "Delete",
                HabitsState.delete(each.id),
                trigger=icon_button("trash-2", "Delete", name="Delete " + each.name),
            ),
            class_name="pq-icons",
        ),
        key=each.id.to_string(),
    )


def _mood() -> rx.Component:
    return section(
        "How are you?",
        "mood",
        rx.el.div(
            *(_face(value, words) for value, words in _MOODS),
            role="group",
            aria_labelledby="mood",
            class_name="pq-moods",
        ),
        rx.cond(
            HabitsState.moods.length() > 0,
            rx.fragment(
                rx.el.ul(rx.foreach(HabitsState.moods, _mark), class_name="pq-marks", role="list"),
                question(
                    "Delete all marks?",
                    "There is no way back.",
                    "Delete",
                    HabitsState.forget_moods,
                    trigger=quiet_button("Delete all marks", size="2"),
                ),
            ),
        ),
        lead="One click is enough.",
    )


def _face(value: str, words: str) -> rx.Component:
    return quiet_button(
        rx.el.b(value), words, on_click=HabitsState.mark(int(value)), size="3", custom_attrs={"data-mood": value}
    )


def _mark(each: MoodRow) -> rx.Component:
    return rx.el.li(rx.el.b(each.mood), " ", rx.el.span(ago(at=each.at), class_name="pq-quiet"), key=each.at)
