"""How fresh what the tips know is, for administrators: every feature beside what its signal promises."""

import reflex as rx

from pequeroku_ui.components.admin import admin_page, tips_nav
from pequeroku_ui.components.admin_rows import plain_row, plain_table
from pequeroku_ui.components.blanks import content, page_bones
from pequeroku_ui.components.layout import page_head
from pequeroku_ui.state.admin_tip_freshness import AdminTipFreshnessState, FreshRow

_S = AdminTipFreshnessState
_HEADS = ("Feature", "Consent", "Promised within", "People", "Too old", "Oldest")


def page() -> rx.Component:
    """A row for each feature."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(
                page_head("Freshness", _S.summary, is_live=True),
                tips_nav(),
                plain_table("Freshness", _HEADS, rx.foreach(_S.rows, _row)),
            ),
            page_bones("Loading how fresh it is"),
        )
    )


def _row(row: FreshRow) -> rx.Component:
    stale = rx.cond(
        row.is_late, rx.el.span(row.stale, class_name="pq-status", custom_attrs={"data-tone": "warn"}), row.stale
    )
    return plain_row(_HEADS, (row.name, row.scope, row.promised, row.held, stale, row.oldest), row.name)
