"""What the reconciler is about, container by container; it changes by itself."""

import reflex as rx

from pequeroku_ui.components.admin import admin_page, table
from pequeroku_ui.components.blanks import content, no_rows, page_bones
from pequeroku_ui.components.layout import page_head
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.admin_reconciler import AdminReconcilerState, ReconcileRow

_S = AdminReconcilerState
_HEADS = ("Container", "User", "Node", "Wished", "Seen", "Last step", "Reason", "Next look", "")


def page() -> rx.Component:
    """Search, rows, pages."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(
                page_head("Reconciler", "What is wished, what was seen, and what was done about it. Live."),
                _narrowing(),
                _rows(),
                _pages(),
            ),
            page_bones("Loading what the reconciler does"),
        )
    )


def _narrowing() -> rx.Component:
    return rx.form(
        rx.el.input(
            type="search",
            name="q",
            default_value=_S.search,
            key=_S.search,
            placeholder="Container, user or node",
            aria_label="Search",
            max_length=200,
            class_name="pq-input",
        ),
        rx.el.label(
            rx.el.input(
                type="checkbox",
                name="unsettled",
                default_checked=_S.only_unsettled,
                key=_S.only_unsettled.to_string(),
                class_name="pq-box",
            ),
            rx.el.span("Only what is not as wished"),
            class_name="pq-tick",
        ),
        rx.el.button("Show", type="submit", class_name="pq-icon-button"),
        on_submit=_S.find,
        role="search",
        class_name="pq-narrowing",
    )


def _rows() -> rx.Component:
    return rx.cond(
        _S.rows.length() > 0,
        table("Containers", rx.el.tr(*(_column_head(each) for each in _HEADS)), rx.foreach(_S.rows, _row)),
        no_rows(rx.el.p("No container is like that.")),
    )


def _column_head(label: str) -> rx.Component:
    return rx.el.th(label or rx.el.span("Look now", class_name="pq-unseen"), scope="col")


def _row(row: ReconcileRow) -> rx.Component:
    seen = rx.el.span(row.observed, class_name="pq-status", custom_attrs={"data-tone": row.tone})
    cells = (
        rx.link(row.name, href=row.href),
        row.owner,
        row.node,
        row.desired,
        seen,
        rx.fragment(row.last_step, " ", ago(at=row.last_step_at, class_name="pq-quiet")),
        row.reason,
        rx.cond(
            row.next_look_at != "",
            rx.el.time(row.next_look_at.split(".")[0].replace("T", " "), date_time=row.next_look_at),
            rx.cond(row.is_settled, "settled", "at the next change"),
        ),
        rx.el.button(
            "Look now",
            type="button",
            on_click=_S.look_now(row.node_key),
            aria_label="Look now at " + row.name,
            class_name="pq-icon-button",
        ),
    )
    labelled = zip(cells, _HEADS, strict=True)
    return rx.el.tr(
        *(rx.el.td(cell, custom_attrs={"data-label": label}) for cell, label in labelled),
        custom_attrs={"data-row": row.key},
    )


def _pages() -> rx.Component:
    return rx.el.nav(
        rx.el.span(_S.counted, role="status"),
        rx.cond(
            _S.page_number > 1,
            rx.el.button("Previous", type="button", on_click=_S.turn(-1), class_name="pq-icon-button"),
        ),
        rx.cond(_S.has_more, rx.el.button("Next", type="button", on_click=_S.turn(1), class_name="pq-icon-button")),
        aria_label="Pages",
        class_name="pq-pages",
    )
