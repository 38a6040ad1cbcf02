"""Any list of the administration: the screen's description says which columns, filters and acts it has."""

import reflex as rx

from pequeroku_ui.components.admin import act_button, admin_page, cell_view, outcome, table
from pequeroku_ui.components.blanks import content, no_rows, page_bones
from pequeroku_ui.components.layout import page_head
from pequeroku_ui.state import admin_words as words
from pequeroku_ui.state.admin import AdminListState

_S = AdminListState


def page() -> rx.Component:
    """Head, search and filters, rows, pages."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(_head(), _narrowing(), outcome(), _bulk(), _rows(), _pages()),
            page_bones("Loading the list"),
        )
    )


def _head() -> rx.Component:
    plus = rx.icon("plus", size=16, aria_hidden="true")
    add = rx.link(plus, "Add", href=_S.add_href, class_name="pq-button-link", underline="none")
    return page_head(_S.heading, _S.help_text, rx.cond(_S.add_href != "", add))


def _narrowing() -> rx.Component:
    return rx.el.div(
        rx.form(
            rx.el.input(
                type="search",
                name="q",
                default_value=_S.search,
                key=_S.searches.to_string(),
                placeholder="Search",
                aria_label="Search",
                max_length=200,
                auto_complete="off",
                class_name="pq-input",
            ),
            rx.el.button(
                rx.icon("search", size=16, aria_hidden="true"),
                type="submit",
                aria_label="Search",
                class_name="pq-ghost",
            ),
            on_submit=_S.find,
            role="search",
            class_name="pq-find",
        ),
        rx.foreach(_S.filters, _filter),
        rx.cond(_S.all_href != "", rx.link("Show all", href=_S.all_href, class_name="pq-quiet")),
        class_name="pq-narrowing",
    )


def _filter(each: words.FilterBox) -> rx.Component:
    return rx.cond(
        each.is_loose,
        rx.el.button(
            each.label,
            ": ",
            rx.el.b(each.value),
            rx.icon("x", size=14, aria_hidden="true"),
            type="button",
            on_click=_S.narrow(each.name, ""),
            aria_label="Take away " + each.label + " " + each.value,
            class_name="pq-narrowed",
        ),
        rx.el.label(
            rx.el.span(each.label),
            rx.cond(
                each.is_date,
                rx.el.input(
                    type="date",
                    default_value=each.value,
                    key=each.name + each.value,
                    on_blur=lambda value: _S.narrow(each.name, value),
                    class_name="pq-input",
                ),
                rx.el.select(
                    rx.el.option("any", value=""),
                    rx.foreach(each.options, lambda one: rx.el.option(one.label, value=one.value)),
                    default_value=each.value,
                    key=each.name + each.value,
                    on_change=lambda value: _S.narrow(each.name, value),
                    class_name="pq-input",
                ),
            ),
            class_name="pq-filter",
        ),
    )


def _bulk() -> rx.Component:
    return rx.cond(
        _S.selected.length() > 0,
        rx.el.div(
            rx.el.b(_S.selected.length(), " chosen"),
            rx.foreach(_S.acts, act_button),
            role="group",
            aria_label="With the chosen rows",
            class_name="pq-bulk",
        ),
    )


def _rows() -> rx.Component:
    return rx.cond(
        _S.rows.length() > 0,
        table(_S.heading, rx.el.tr(_choose_all(), rx.foreach(_S.heads, _column_head)), rx.foreach(_S.rows, _row)),
        no_rows(
            rx.cond(
                _S.all_href != "",
                rx.el.p("Nothing is like that. ", rx.link("Show all", href=_S.all_href), "."),
                rx.el.p("There is none yet."),
            )
        ),
    )


def _choose_all() -> rx.Component:
    return rx.cond(
        _S.acts.length() > 0,
        rx.el.th(
            rx.el.input(
                type="checkbox",
                checked=(_S.selected.length() == _S.rows.length()),
                on_change=_S.choose_all,
                aria_label="Choose all rows of this page",
                class_name="pq-box",
            ),
            scope="col",
            class_name="pq-choose",
        ),
    )


def _column_head(each: words.Head) -> rx.Component:
    arrow = rx.match(
        each.turned,
        ("ascending", rx.icon("arrow-up", size=14, aria_hidden="true")),
        ("descending", rx.icon("arrow-down", size=14, aria_hidden="true")),
        rx.fragment(),
    )
    return rx.el.th(
        rx.cond(each.href != "", rx.link(each.label, arrow, href=each.href, underline="none"), each.label),
        scope="col",
        custom_attrs={"aria-sort": each.turned, "data-show": each.show},
    )


def _row(row: words.ListRow) -> rx.Component:
    return rx.el.tr(
        rx.cond(
            _S.acts.length() > 0,
            rx.el.td(
                rx.el.input(
                    type="checkbox",
                    checked=_S.selected.contains(row.key),
                    on_change=lambda is_on: _S.choose(row.key, is_on),
                    aria_label="Choose " + row.name,
                    class_name="pq-box",
                ),
                class_name="pq-choose",
            ),
        ),
        rx.foreach(
            row.cells,
            lambda cell: rx.el.td(cell_view(cell), custom_attrs={"data-label": cell.label, "data-show": cell.show}),
        ),
        custom_attrs={"data-row": row.key},
    )


def _pages() -> rx.Component:
    return rx.el.nav(
        rx.el.span(_S.counted, role="status"),
        rx.cond(_S.previous_href != "", rx.link("Previous", href=_S.previous_href)),
        rx.el.span(_S.page_words),
        rx.cond(_S.next_href != "", rx.link("Next", href=_S.next_href)),
        aria_label="Pages",
        class_name="pq-pages",
    )
