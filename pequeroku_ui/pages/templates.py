"""Templates: everybody's, and mine."""

import reflex as rx

from pequeroku_ui.components.blanks import blank, card_bones, content
from pequeroku_ui.components.buttons import add_button
from pequeroku_ui.components.dialogs import answers, form_dialog
from pequeroku_ui.components.forms import field, search_field, tick
from pequeroku_ui.components.layout import framed, page_head
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.notes import problem
from pequeroku_ui.components.templates import whose_tag
from pequeroku_ui.state.template_rows import TemplateRow
from pequeroku_ui.state.templates import TemplatesState


def page() -> rx.Component:
    """What a project may begin with, as cards."""
    return framed(
        page_head(
            "Templates",
            "Sets of files to begin a project with. Put one into a machine from its page.",
            add_button("New template", TemplatesState.show_maker(True), id="new-template"),
        ),
        content(
            TemplatesState.load,
            rx.fragment(_finder(), _found()),
            card_bones("Loading the templates", card="pq-card pq-template-card"),
        ),
        _maker(),
    )


def _finder() -> rx.Component:
    return rx.el.div(
        search_field("Find templates", TemplatesState.words, TemplatesState.search, placeholder="Find by name …"),
        role="search",
        class_name="pq-finder",
    )


def _found() -> rx.Component:
    return rx.cond(
        TemplatesState.cards.length() > 0,
        rx.el.ul(rx.foreach(TemplatesState.cards, _card), class_name="pq-cards", role="list"),
        rx.cond(TemplatesState.words != "", rx.el.p("None of them matches.", class_name="pq-quiet"), _empty()),
    )


def _card(each: TemplateRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.h2(rx.link(each.name, href=each.href, underline="none", class_name="pq-card-link")),
            whose_tag(each),
            class_name="pq-card-head",
        ),
        rx.el.p(each.description, class_name="pq-template-about"),
        rx.el.p(
            rx.el.span(rx.icon("files", size=14, aria_hidden="true"), each.files),
            rx.el.span(rx.icon("clock-3", size=14, aria_hidden="true"), ago(at=each.updated_at)),
            class_name="pq-facts pq-facts-icons",
        ),
        class_name="pq-panel pq-card pq-template-card",
        key=each.key,
        custom_attrs={"data-template": each.key},
    )


def _maker() -> rx.Component:
    return form_dialog(
        "New template",
        "It begins with a README. You add its files on its page.",
        field("Name", "name", required=True, max_length=100),
        field("Description", "description", is_optional=True, max_length=500),
        rx.cond(TemplatesState.is_admin, tick("For everybody, once it is published", "for_everybody", value="yes")),
        problem(TemplatesState.problem),
        end=answers("Create"),
        on_submit=TemplatesState.make,
        open=TemplatesState.is_making,
        on_open_change=TemplatesState.show_maker,
    )


def _empty() -> rx.Component:
    return blank("files", "No templates yet", rx.el.p("Keep the files that your projects begin with in one place."))
