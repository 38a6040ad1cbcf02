"""Templates: everybody's, and mine."""

import reflex as rx

from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.components.layout import trouble
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.templates import problem, whose_tag
from pequeroku_ui.state.template_rows import TemplateRow
from pequeroku_ui.state.templates import TemplatesState


def page() -> rx.Component:
    """What a project may begin with, as cards."""
    return framed(
        _head(),
        rx.cond(
            TemplatesState.trouble != "",
            trouble(TemplatesState.load),
            rx.cond(TemplatesState.ready, rx.fragment(_finder(), _found()), _skeleton()),
        ),
        _maker(),
    )


def _head() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.h1("Templates"),
            rx.el.p(
                "Sets of files to begin a project with. Put one into a machine from its page.", class_name="pq-quiet"
            ),
        ),
        rx.button(
            rx.icon("plus", size=18, aria_hidden="true"),
            "New template",
            size="3",
            on_click=TemplatesState.show_maker(True),
            disabled=~rx.State.is_hydrated,
            id="new-template",
        ),
        class_name="pq-head",
    )


def _finder() -> rx.Component:
    return rx.el.div(
        rx.debounce_input(
            rx.el.input(
                type="search",
                value=TemplatesState.words,
                on_change=TemplatesState.search,
                placeholder="Find by name …",
                aria_label="Find templates",
                class_name="pq-input",
            ),
            debounce_timeout=150,
        ),
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
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("New template"),
            rx.dialog.description("It begins with a README. You add its files on its page."),
            rx.form(
                _field("Name", "name", max_length=100, required=True),
                _field("Description", "description", max_length=500),
                rx.cond(
                    TemplatesState.is_admin,
                    rx.el.label(
                        rx.el.input(type="checkbox", name="for_everybody", value="yes"),
                        rx.el.span("For everybody, once it is published"),
                        class_name="pq-check",
                    ),
                ),
                problem(TemplatesState.problem),
                rx.el.div(
                    rx.dialog.close(rx.button("Cancel", type="button", variant="soft", color_scheme="gray", size="3")),
                    rx.button("Create", type="submit", size="3"),
                    class_name="pq-dialog-end",
                ),
                on_submit=TemplatesState.make,
                class_name="pq-form",
            ),
            max_width="32rem",
        ),
        open=TemplatesState.is_making,
        on_open_change=TemplatesState.show_maker,
    )


def _field(label: str, name: str, **props: object) -> rx.Component:
    return rx.el.label(
        rx.el.span(label),
        rx.el.input(name=name, auto_complete="off", class_name="pq-input", **props),
        class_name="pq-field",
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.icon("files", size=36, aria_hidden="true"), class_name="pq-ring"),
        rx.el.h2("No templates yet"),
        rx.el.p("Keep the files that your projects begin with in one place."),
        class_name="pq-panel pq-blank",
    )


def _skeleton() -> rx.Component:
    card = rx.el.div(
        rx.el.div(class_name="pq-bone pq-bone-title"),
        rx.el.div(class_name="pq-bone"),
        rx.el.div(class_name="pq-bone pq-bone-short"),
        class_name="pq-panel pq-card pq-template-card",
    )
    return rx.el.div(
        card, card, card, class_name="pq-cards", role="status", aria_busy="true", aria_label="Loading the templates"
    )
