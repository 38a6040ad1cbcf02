"""Pieces that show templates: whose one is, and the dialog that puts one into a container."""

import reflex as rx

from pequeroku_ui.components.containers import note
from pequeroku_ui.state.applying import ApplyState
from pequeroku_ui.state.template_rows import LineRow, TemplateRow


def whose_tag(row: TemplateRow) -> rx.Component:
    """Whose it is, where that needs saying."""
    return rx.match(
        row.whose,
        ("mine", rx.el.span("yours", class_name="pq-tag")),
        ("draft", rx.el.span("not published", class_name="pq-tag", custom_attrs={"data-tone": "warn"})),
        ("somebody", rx.el.span(row.owner, class_name="pq-tag", custom_attrs={"data-tone": "off"})),
        rx.fragment(),
    )


def problem(text: rx.Var[str]) -> rx.Component:
    """Why something was refused, where it was asked for."""
    return rx.cond(text != "", rx.el.div(note("bad", "circle-alert", text), role="alert"))


def apply_dialog() -> rx.Component:
    """One for the page: choose, see what would change, do it."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("Apply a template"),
            rx.dialog.description("Puts a set of files into this machine: all of them, or none."),
            rx.match(
                ApplyState.step,
                ("choose", _choice()),
                ("looking", _waiting("Looking at what is there…")),
                ("preview", _preview()),
                ("applying", _waiting("Putting the files in place…")),
                _done(),
            ),
            max_width="40rem",
        ),
        open=ApplyState.is_open,
        on_open_change=ApplyState.show,
    )


def _choice() -> rx.Component:
    return rx.form(
        rx.el.label(
            rx.el.span("Template"),
            rx.el.select(
                rx.foreach(ApplyState.choices, _option),
                name="template",
                default_value=ApplyState.template_id,
                key=ApplyState.choices.length().to_string() + ApplyState.template_id,
                required=True,
                class_name="pq-input",
            ),
            class_name="pq-field",
        ),
        _destination(),
        rx.el.fieldset(
            rx.el.legend("What is there already", class_name="pq-legend"),
            _mode("merge", "Merge", "Files that the template has are replaced. All others stay."),
            _mode("clean", "Clean", "Whatever the template does not have is removed from the folder."),
            class_name="pq-types",
        ),
        problem(ApplyState.problem),
        rx.el.div(
            rx.dialog.close(rx.button("Cancel", type="button", variant="soft", color_scheme="gray", size="3")),
            rx.button("Preview", type="submit", size="3", disabled=ApplyState.choices.length() == 0),
            class_name="pq-dialog-end",
        ),
        on_submit=ApplyState.preview,
        class_name="pq-form",
    )


def _destination() -> rx.Component:
    return rx.el.label(
        rx.el.span("Destination"),
        rx.el.input(
            name="destination",
            default_value=ApplyState.destination,
            placeholder="/app",
            max_length=255,
            auto_complete="off",
            spell_check=False,
            class_name="pq-input pq-mono",
        ),
        class_name="pq-field",
    )


def _option(each: TemplateRow) -> rx.Component:
    return rx.el.option(each.name, " · ", each.files, value=each.id.to_string())


def _mode(value: str, label: str, words: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="radio", name="mode", value=value, default_checked=ApplyState.mode == value, required=True),
        rx.el.span(rx.el.b(label, class_name="pq-type-name"), class_name="pq-type-head"),
        rx.el.span(words),
        class_name="pq-type",
    )


def _waiting(words: str) -> rx.Component:
    return rx.el.div(
        rx.el.p(words, class_name="pq-busy-words", role="status"),
        rx.el.div(class_name="pq-busy", aria_hidden="true"),
        class_name="pq-form",
    )


def _preview() -> rx.Component:
    return rx.el.div(
        rx.el.p("In ", rx.el.b(ApplyState.where, class_name="pq-mono"), ": ", ApplyState.summary, ".", role="status"),
        rx.cond(ApplyState.why_not != "", note("bad", "circle-alert", ApplyState.why_not)),
        rx.cond(ApplyState.is_empty, note("good", "check", "Everything is as the template has it: nothing to do.")),
        _lines(),
        rx.el.div(
            rx.button("Back", type="button", variant="soft", color_scheme="gray", size="3", on_click=ApplyState.back),
            rx.button(
                "Apply",
                size="3",
                on_click=ApplyState.apply,
                disabled=(ApplyState.why_not != "") | ApplyState.is_empty,
            ),
            class_name="pq-dialog-end",
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
        rx.el.div(rx.dialog.close(rx.button("Close", size="3")), class_name="pq-dialog-end"),
        class_name="pq-form",
    )
