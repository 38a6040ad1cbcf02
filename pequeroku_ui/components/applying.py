"""The dialog that puts a template into a container."""

import reflex as rx

from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.cards import card, cards
from pequeroku_ui.components.dialogs import answers, dialog, dialog_end
from pequeroku_ui.components.forms import field, labelled
from pequeroku_ui.components.notes import note, problem
from pequeroku_ui.state.applying import ApplyState
from pequeroku_ui.state.template_rows import LineRow, TemplateRow


def apply_dialog() -> rx.Component:
    """One for the page: choose, see what would change, do it."""
    return dialog(
        "Apply a template",
        "Puts a set of files into this machine: all of them, or none.",
        rx.match(
            ApplyState.step,
            ("choose", _choice()),
            ("looking", _waiting("Looking at what is there…")),
            ("preview", _preview()),
            ("applying", _waiting("Putting the files in place…")),
            _done(),
        ),
        max_width="40rem",
        open=ApplyState.is_open,
        on_open_change=ApplyState.show,
    )


def _choice() -> rx.Component:
    choices = rx.el.select(
        rx.foreach(ApplyState.choices, _option),
        name="template",
        default_value=ApplyState.template_id,
        key=ApplyState.choices.length().to_string() + ApplyState.template_id,
        required=True,
        class_name="pq-input",
    )
    return rx.form(
        labelled("Template", choices),
        field(
            "Destination",
            "destination",
            default_value=ApplyState.destination,
            placeholder="/app",
            max_length=255,
            class_name="pq-input pq-mono",
        ),
        cards(
            "What is there already",
            _mode("merge", "Merge", "Files that the template has are replaced. All others stay."),
            _mode("clean", "Clean", "Whatever the template does not have is removed from the folder."),
        ),
        problem(ApplyState.problem),
        answers("Preview", disabled=ApplyState.choices.length() == 0),
        on_submit=ApplyState.preview,
        class_name="pq-form",
    )


def _option(each: TemplateRow) -> rx.Component:
    return rx.el.option(each.name, " · ", each.files, value=each.id.to_string())


def _mode(value: str, label: str, words: str) -> rx.Component:
    return card(
        [label],
        rx.el.span(words),
        mark={"data-mode": value},
        name="mode",
        value=value,
        default_checked=ApplyState.mode == value,
        required=True,
    )


def _waiting(words: str) -> rx.Component:
    return rx.el.div(
        rx.el.p(words, class_name="pq-busy-words", role="status"),
        rx.el.div(class_name="pq-busy", aria_hidden="true"),
        class_name="pq-form",
    )


def _preview() -> rx.Component:
    may_not = (ApplyState.why_not != "") | ApplyState.is_empty
    return rx.el.div(
        rx.el.p("In ", rx.el.b(ApplyState.where, class_name="pq-mono"), ": ", ApplyState.summary, ".", role="status"),
        rx.cond(ApplyState.why_not != "", note("bad", "circle-alert", ApplyState.why_not)),
        rx.cond(ApplyState.is_empty, note("good", "check", "Everything is as the template has it: nothing to do.")),
        _lines(),
        dialog_end(
            quiet_button("Back", type="button", on_click=ApplyState.back),
            rx.button("Apply", on_click=ApplyState.apply, disabled=may_not, size="3"),
        ),
        class_name="pq-form",
    )


def _lines() -> rx.Component:
    return rx.el.div(
        rx.el.ul(rx.foreach(ApplyState.lines, _line), role="list"),
        rx.cond(ApplyState.more != "", rx.el.p(ApplyState.more, class_name="pq-quiet")),
        class_name="pq-changes",
        tab_index=0,
        role="region",
        aria_label="What would change",
    )


def _line(each: LineRow) -> rx.Component:
    return rx.el.li(
        rx.el.span(each.path, class_name="pq-mono"),
        rx.el.span(each.words, class_name="pq-change"),
        custom_attrs={"data-kind": each.kind},
    )


def _done() -> rx.Component:
    return rx.el.div(
        note("good", "check", rx.Var.create("In ") + ApplyState.where + ": " + ApplyState.summary + "."),
        rx.el.p("Its README says how to begin: ", rx.el.b("cd ", ApplyState.where, class_name="pq-mono")),
        dialog_end(rx.dialog.close(rx.button("Close", size="3"))),
        class_name="pq-form",
    )
