"""One template: its files, and changing them."""

import reflex as rx

from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.components.layout import trouble
from pequeroku_ui.components.leaving import leave_guard
from pequeroku_ui.components.templates import problem, whose_tag
from pequeroku_ui.state.template import TemplateState
from pequeroku_ui.state.template_rows import FileRow

_ROW = TemplateState.shown


def page() -> rx.Component:
    """Head, list of files, the chosen one's content or the form for it."""
    return framed(
        rx.cond(
            TemplateState.trouble != "",
            trouble(TemplateState.load),
            rx.cond(TemplateState.is_missing, _missing(), rx.cond(_ROW.id > 0, _shown(), _skeleton())),
        ),
        _delete_dialog(),
    )


def _shown() -> rx.Component:
    return rx.fragment(
        _head(),
        rx.cond(
            TemplateState.editing == "details",
            _details_form(),
            rx.el.div(
                _list(),
                rx.cond(TemplateState.editing != "", _file_form(), _viewer()),
                class_name="pq-template",
            ),
        ),
    )


def _head() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.link(
                    rx.icon("arrow-left", size=18, aria_hidden="true"),
                    href="/templates",
                    aria_label="All templates",
                    title="All templates",
                    class_name="pq-back",
                ),
                rx.el.h1(_ROW.name),
                whose_tag(_ROW),
                class_name="pq-template-title",
            ),
            rx.el.p(_ROW.description, class_name="pq-quiet"),
        ),
        rx.cond(TemplateState.editing == "", rx.el.div(_actions(), class_name="pq-icons")),
        class_name="pq-head",
    )


def _actions() -> rx.Component:
    return rx.fragment(
        _action("copy", "Make my own copy", TemplateState.copy),
        rx.cond(_ROW.can_edit, _action("pencil", "Details", TemplateState.edit("details"))),
        rx.cond(_ROW.can_edit, _action("trash-2", "Delete", TemplateState.confirm(True))),
    )


def _action(icon: str, label: str, wish: rx.event.EventType, **props: object) -> rx.Component:
    return rx.el.button(
        rx.icon(icon, size=16, aria_hidden="true"),
        rx.el.span(label, class_name="pq-wide-only"),
        type="button",
        on_click=wish,
        aria_label=label,
        title=label,
        class_name="pq-icon-button",
        custom_attrs={"data-action": label.split()[0].lower()},
        **props,
    )


def _list() -> rx.Component:
    return rx.el.nav(
        rx.el.ul(rx.foreach(TemplateState.files, _entry), role="list"),
        rx.cond(
            _ROW.can_edit,
            rx.el.button(
                rx.icon("plus", size=16, aria_hidden="true"),
                "Add a file",
                type="button",
                on_click=TemplateState.edit("new"),
                disabled=TemplateState.editing != "",
                class_name="pq-ghost",
            ),
        ),
        aria_label="Files",
        class_name="pq-panel pq-files",
    )


def _entry(each: FileRow) -> rx.Component:
    is_here = (each.path == TemplateState.chosen) & (TemplateState.editing != "new")
    return rx.el.li(
        rx.el.button(
            rx.el.span(each.path, class_name="pq-mono"),
            rx.el.span(each.mode, " · ", each.size, class_name="pq-quiet"),
            type="button",
            on_click=TemplateState.choose(each.path),
            disabled=TemplateState.editing != "",
            custom_attrs={"aria-current": rx.cond(is_here, "true", "false")},
        ),
        key=each.path,
    )


def _viewer() -> rx.Component:
    return rx.el.section(
        rx.cond(
            TemplateState.chosen != "",
            rx.fragment(
                rx.el.div(
                    rx.el.h2(TemplateState.chosen, class_name="pq-mono"),
                    rx.cond(_ROW.can_edit, rx.el.div(_file_actions(), class_name="pq-icons")),
                    class_name="pq-card-head",
                ),
                rx.el.pre(
                    TemplateState.content, tab_index=0, role="region", aria_label="Content of " + TemplateState.chosen
                ),
            ),
            rx.el.p("It has no files yet.", class_name="pq-quiet"),
        ),
        class_name="pq-panel pq-section pq-viewer",
    )


def _file_actions() -> rx.Component:
    first, last = TemplateState.files[0].path, TemplateState.files[-1].path
    return rx.fragment(
        _action("arrow-up", "Up", TemplateState.move(True), disabled=TemplateState.chosen == first),
        _action("arrow-down", "Down", TemplateState.move(False), disabled=TemplateState.chosen == last),
        _action("pencil", "Edit", TemplateState.edit("file")),
        _remove(),
    )


def _remove() -> rx.Component:
    return rx.alert_dialog.root(
        rx.alert_dialog.trigger(
            rx.el.button(
                rx.icon("trash-2", size=16, aria_hidden="true"),
                type="button",
                aria_label="Remove this file",
                title="Remove this file",
                class_name="pq-icon-button",
                custom_attrs={"data-action": "delete"},
            )
        ),
        _question(
            rx.fragment("Remove “", TemplateState.chosen, "”?"),
            "It is taken out of the template. Where the template was put, it stays.",
            "Remove",
            TemplateState.remove,
        ),
    )


def _file_form() -> rx.Component:
    is_new = TemplateState.editing == "new"
    return rx.form(
        leave_guard(),
        rx.el.div(
            _field(
                "Path", "path", rx.cond(is_new, "", TemplateState.chosen), placeholder="src/main.py", max_length=255
            ),
            _field("Mode", "mode", rx.cond(is_new, "644", TemplateState.mode), placeholder="644", max_length=5),
            class_name="pq-file-head",
        ),
        rx.el.label(
            rx.el.span("Content"),
            rx.el.textarea(
                name="content",
                default_value=rx.cond(is_new, "", TemplateState.content),
                spell_check=False,
                auto_capitalize="off",
                class_name="pq-input pq-editor",
            ),
            class_name="pq-field",
        ),
        problem(TemplateState.problem),
        _answers(),
        on_submit=TemplateState.save_file,
        key=TemplateState.editing + TemplateState.chosen,
        class_name="pq-panel pq-section pq-form pq-viewer",
    )


def _details_form() -> rx.Component:
    return rx.form(
        leave_guard(),
        _field("Name", "name", _ROW.name, max_length=100),
        _field("Description", "description", _ROW.description, max_length=500, required=False),
        rx.cond(
            _ROW.can_publish,
            rx.el.label(
                rx.el.input(type="checkbox", name="public", value="yes", default_checked=_ROW.public),
                rx.el.span("Published: everybody sees it"),
                class_name="pq-check",
            ),
        ),
        problem(TemplateState.problem),
        _answers(),
        on_submit=TemplateState.save_details,
        class_name="pq-panel pq-section pq-form pq-details",
    )


def _field(label: str, name: str, value: rx.Var[str], **props: object) -> rx.Component:
    given = {"required": True, "auto_complete": "off", "spell_check": False, **props}
    return rx.el.label(
        rx.el.span(label),
        rx.el.input(name=name, default_value=value, class_name="pq-input", **given),
        class_name="pq-field",
    )


def _answers() -> rx.Component:
    return rx.el.div(
        rx.button(
            "Cancel", type="button", variant="soft", color_scheme="gray", size="3", on_click=TemplateState.edit("")
        ),
        rx.button("Save", type="submit", size="3"),
        class_name="pq-dialog-end",
    )


def _delete_dialog() -> rx.Component:
    return rx.alert_dialog.root(
        _question(
            rx.fragment("Delete “", _ROW.name, "”?"),
            "Its files are gone then. Machines that it was put into keep theirs.",
            "Delete",
            TemplateState.delete,
        ),
        open=TemplateState.is_confirming,
        on_open_change=TemplateState.confirm,
    )


def _question(title: rx.Component, words: str, answer: str, wish: rx.event.EventType) -> rx.Component:
    return rx.alert_dialog.content(
        rx.alert_dialog.title(title),
        rx.alert_dialog.description(words),
        rx.el.div(
            rx.alert_dialog.cancel(rx.button("Keep it", variant="soft", color_scheme="gray", size="3")),
            rx.alert_dialog.action(rx.button(answer, color_scheme="red", size="3", on_click=wish)),
            class_name="pq-dialog-end",
        ),
        max_width="30rem",
    )


def _missing() -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.icon("ghost", size=32, aria_hidden="true"), class_name="pq-ring"),
        rx.el.h1("No such template"),
        rx.el.p("It does not exist, was deleted, or is not yours to see."),
        rx.link("All templates", href="/templates", class_name="pq-button-link", underline="none"),
        class_name="pq-panel pq-blank",
    )


def _skeleton() -> rx.Component:
    return rx.el.div(
        rx.el.div(class_name="pq-bone pq-bone-title"),
        rx.el.div(class_name="pq-bone"),
        rx.el.div(class_name="pq-bone pq-bone-short"),
        class_name="pq-panel pq-section pq-form",
        role="status",
        aria_busy="true",
        aria_label="Loading the template",
    )
