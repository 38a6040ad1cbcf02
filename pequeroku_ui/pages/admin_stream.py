"""Events of the tips, as they are written: which, about whom, and all that one of them says."""

import reflex as rx

from backend.events.durable import TYPES
from pequeroku_ui.components.admin import admin_page, table, tips_nav
from pequeroku_ui.components.blanks import content, no_rows, page_bones
from pequeroku_ui.components.layout import page_head
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.admin_stream import AdminStreamState, EventRow, words_for

_S = AdminStreamState
_HEADS = ("When", "Event", "User", "In NATS")


def page() -> rx.Component:
    """Filters, rows, and the opened one among them."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(
                page_head("Events", "What the tips are made of and lead to. Live."),
                tips_nav(),
                _narrowing(),
                _rows(),
                _pages(),
            ),
            page_bones("Loading the events"),
        )
    )


def _narrowing() -> rx.Component:
    return rx.form(
        rx.el.label(
            "Event",
            rx.el.select(
                rx.el.option("All", value=""),
                *(rx.el.option(words_for(each), value=each) for each in TYPES),
                name="type",
                default_value=_S.type,
                key=_S.type,
                class_name="pq-input",
            ),
            class_name="pq-filter",
        ),
        rx.el.input(
            type="search",
            name="user",
            default_value=_S.user,
            key="user " + _S.user,
            placeholder="User name, whole",
            aria_label="User name",
            max_length=64,
            class_name="pq-input",
        ),
        rx.el.button("Show", type="submit", class_name="pq-icon-button"),
        on_submit=_S.find,
        role="search",
        class_name="pq-narrowing",
    )


def _rows() -> rx.Component:
    heads = rx.el.tr(*(rx.el.th(each, scope="col") for each in _HEADS))
    return rx.cond(
        _S.rows.length() > 0,
        table("Events", heads, rx.foreach(_S.rows, _row)),
        no_rows(rx.el.p("There is no such event.")),
    )


def _row(row: EventRow) -> rx.Component:
    is_open = _S.opened == row.key
    opener = rx.el.button(
        row.words,
        type="button",
        on_click=_S.open(row.key),
        custom_attrs={"aria-expanded": rx.cond(is_open, "true", "false")},
        class_name="pq-icon-button",
    )
    said = rx.cond(is_open, rx.el.pre(_S.content, tab_index=0, aria_label="What it says", class_name="pq-event"))
    cells = (ago(at=row.at), rx.fragment(opener, said), row.user, row.mirrored)
    labelled = zip(cells, _HEADS, strict=True)
    return rx.el.tr(
        *(rx.el.td(cell, custom_attrs={"data-label": label}) for cell, label in labelled),
        custom_attrs={"data-row": row.key},
    )


def _pages() -> rx.Component:
    return rx.el.nav(
        rx.el.span(_S.counted, role="status"),
        rx.cond(
            _S.before > 0,
            rx.el.button(
                "Newest",
                type="button",
                on_click=_S.find({"type": _S.type, "user": _S.user}),
                class_name="pq-icon-button",
            ),
        ),
        rx.cond(_S.has_more, rx.el.button("Older", type="button", on_click=_S.older, class_name="pq-icon-button")),
        aria_label="Pages",
        class_name="pq-pages",
    )
