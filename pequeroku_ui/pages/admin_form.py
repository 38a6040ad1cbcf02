"""Any row of the administration: what it is, its form, what can be done to it, what happened to it."""

import reflex as rx

from pequeroku_ui.components.admin import act_button, admin_page, cell_view, outcome
from pequeroku_ui.components.admin_fields import field_view
from pequeroku_ui.components.blanks import content, missing, page_bones
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.leaving import leave_guard
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state import admin_words as words
from pequeroku_ui.state.admin_form import AdminFormState
from pequeroku_ui.state.admin_try import AdminTryState

_S = AdminFormState


def page() -> rx.Component:
    """Head, form, facts, history."""
    return admin_page(content(_S.load, rx.cond(_S.is_missing, _missing(), _shown()), page_bones("Loading the row")))


def _shown() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            rx.el.div(
                rx.link(
                    rx.icon("arrow-left", size=16, aria_hidden="true"),
                    _S.list_title,
                    href=_S.list_href,
                    class_name="pq-up",
                    underline="none",
                ),
                rx.el.h1(_S.heading),
            ),
            rx.el.div(rx.foreach(_S.acts, act_button), class_name="pq-acts"),
            class_name="pq-head",
        ),
        outcome(),
        rx.el.div(
            rx.el.div(
                rx.cond((_S.fields.length() > 0) | (_S.entries_name != ""), _form()), _facts(), class_name="pq-column"
            ),
            rx.cond(~_S.is_new, rx.el.div(_links(), _history(), class_name="pq-column")),
            class_name="pq-sections",
        ),
    )


def _form() -> rx.Component:
    return rx.el.section(
        rx.form(
            leave_guard(),
            rx.foreach(_S.fields, lambda each: field_view(each, _problem_of(each), checks=_S.check)),
            rx.cond(_S.entries_name != "", _entries()),
            rx.cond(_S.can_try, _try_it()),
            rx.cond(_S.can_try_provider, _try_provider()),
            problem(_S.problem, id="form-problem", tab_index=-1),
            rx.el.div(rx.button(rx.cond(_S.is_new, "Add", "Save"), type="submit", size="3")),
            on_submit=_S.save,
            key=_S.version.to_string(),
            class_name="pq-form",
            aria_label=_S.heading,
            no_validate=True,
        ),
        class_name="pq-panel pq-section",
    )


def _try_it() -> rx.Component:
    """What stands in the field is sent, saved or not."""
    typed = rx.Var("document.querySelector('input[name=uri]').value", _var_type=str)
    return _try("Test the connection", "Trying; this may take 15 seconds …", AdminTryState.attempt(typed))


def _try_provider() -> rx.Component:
    """What is saved is tried: the key can't be shown to be sent again."""
    return _try("Test what is saved", "Asking the model for a word …", AdminTryState.attempt_provider)


def _try(label: str, meanwhile: str, does: rx.event.EventType) -> rx.Component:
    return rx.el.div(
        rx.el.button(
            rx.icon("plug-zap", size=16, aria_hidden="true"),
            label,
            type="button",
            disabled=AdminTryState.is_trying,
            on_click=does,
            class_name="pq-icon-button",
        ),
        rx.el.div(
            rx.cond(AdminTryState.is_trying, rx.el.p(meanwhile, class_name="pq-quiet")),
            rx.cond(
                AdminTryState.said != "",
                rx.el.p(AdminTryState.said, class_name="pq-note", custom_attrs={"data-tone": AdminTryState.tone}),
            ),
            role="status",
        ),
        class_name="pq-try",
    )


def _problem_of(each: words.FormField) -> rx.Var[str]:
    return rx.cond(_S.problems.contains(each.name), _S.problems[each.name], "")


def _entries() -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend(_S.entries_name, class_name="pq-legend"),
        rx.foreach(_S.entries, _entry),
        rx.el.button("Add one", type="button", on_click=_S.add_entry, class_name="pq-icon-button"),
        class_name="pq-entries",
    )


def _entry(each: words.Entry) -> rx.Component:
    return rx.el.div(
        rx.foreach(each.fields, lambda one: field_view(one)),
        rx.el.button("Take out", type="button", on_click=_S.drop_entry(each.number), class_name="pq-icon-button"),
        key=each.number.to_string(),
        class_name="pq-entry",
    )


def _facts() -> rx.Component:
    rows = rx.foreach(_S.facts, lambda cell: rx.fragment(rx.el.dt(cell.label), rx.el.dd(cell_view(cell))))
    facts = rx.el.dl(rows, class_name="pq-list pq-facts-list")
    return rx.cond(_S.facts.length() > 0, section("What it is", "facts", facts))


def _links() -> rx.Component:
    rows = rx.foreach(_S.links, lambda each: rx.el.li(rx.link(each.label, href=each.href)))
    links = rx.el.ul(rows, class_name="pq-see", role="list")
    return rx.cond(_S.links.length() > 0, section("See also", "links", links))


def _history() -> rx.Component:
    history = rx.el.ol(rx.foreach(_S.history, _past), class_name="pq-history", role="list")
    return rx.cond(_S.history.length() > 0, section("History", "history", history))


def _past(each: words.Past) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.link(each.action, href=each.href),
            rx.cond(~each.is_done, rx.el.span("refused", class_name="pq-status", custom_attrs={"data-tone": "bad"})),
            " by ",
            rx.el.b(rx.cond(each.who != "", each.who, "nobody")),
            " ",
            ago(at=each.at),
        ),
        rx.cond(each.message != "", rx.el.p(each.message, class_name="pq-quiet")),
    )


def _missing() -> rx.Component:
    return missing("No such row", "It does not exist, or not any more.", "To the overview", "/admin")
