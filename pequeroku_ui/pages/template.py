"""One template: its files, and changing them."""

import reflex as rx

from pequeroku_ui.components.blanks import content, missing, panel_bones
from pequeroku_ui.components.buttons import icon_button, quiet_button
from pequeroku_ui.components.dialogs import dialog_end, question
from pequeroku_ui.components.forms import field, labelled, tick
from pequeroku_ui.components.layout import back_link, framed
from pequeroku_ui.components.leaving import leave_guard
from pequeroku_ui.components.notes import problem
from pequeroku_ui.components.templates import whose_tag
from pequeroku_ui.state.template import TemplateState
from pequeroku_ui.state.template_rows import FileRow

_ROW = TemplateState.shown


def page() -> rx.Component:
    """Head, list of files, the chosen one's content or the form for it."""
    return framed(
        content(
            TemplateState.load,
            rx.cond(TemplateState.is_missing, _missing(), _shown()),
            panel_bones("Loading the template"),
            is_ready=TemplateState.is_missing | (_ROW.id > 0),
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
                back_link("All templates", "/templates"),
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
    return icon_button(icon, label, has_words=True, on_click=wish, **props)


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
    return question(
        f"Remove “{TemplateState.chosen}”?",
        "It is taken out of the template. Where the template was put, it stays.",
        "Remove",
        TemplateState.remove,
        trigger=icon_button("trash-2", "Remove this file"),
    )


def _file_form() -> rx.Component:
    is_new = TemplateState.editing == "new"
    path, mode = rx.cond(is_new, "", TemplateState.chosen), rx.cond(is_new, "644", TemplateState.mode)
    editor = rx.el.textarea(
        name="content",
        default_value=rx.cond(is_new, "", TemplateState.content),
        spell_check=False,
        auto_capitalize="off",
        class_name="pq-input pq-editor",
    )
    return rx.form(
        leave_guard(),
        rx.el.div(
            field("Path", "path", default_value=path, required=True, placeholder="src/main.py", max_length=255),
            field("Mode", "mode", default_value=mode, required=True, placeholder="644", max_length=5),
            class_name="pq-file-head",
        ),
        labelled("Content", editor),
        problem(TemplateState.problem),
        _answers(),
        on_submit=TemplateState.save_file,
        key=TemplateState.editing + TemplateState.chosen,
        class_name="pq-panel pq-section pq-form pq-viewer",
    )


def _details_form() -> rx.Component:
    public = tick("Published: everybody sees it", "public", value="yes", default_checked=_ROW.public)
    return rx.form(
        leave_guard(),
        field("Name", "name", default_value=_ROW.name, required=True, max_length=100),
        field("Description", "description", default_value=_ROW.description, is_optional=True, max_length=500),
        rx.cond(_ROW.can_publish, public),
        problem(TemplateState.problem),
        _answers(),
        on_submit=TemplateState.save_details,
        class_name="pq-panel pq-section pq-form pq-details",
    )


def _answers() -> rx.Component:
    return dialog_end(
        quiet_button("Cancel", type="button", on_click=TemplateState.edit("")),
        rx.button("Save", type="submit", size="3"),
    )


def _delete_dialog() -> rx.Component:
    return question(
        f"Delete “{_ROW.name}”?",
        "Its files are gone then. Machines that it was put into keep theirs.",
        "Delete",
        TemplateState.delete,
        open=TemplateState.is_confirming,
        on_open_change=TemplateState.confirm,
    )


def _missing() -> rx.Component:
    why = "It does not exist, was deleted, or is not yours to see."
    return missing("No such template", why, "All templates", "/templates")
