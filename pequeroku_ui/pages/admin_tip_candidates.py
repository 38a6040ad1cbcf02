"""What could be said and on what it stands, for administrators; and the words there are for each kind of tip."""

import reflex as rx

from backend.tips.candidates.kinds import KINDS
from pequeroku_ui.components.admin import admin_page, tips_nav
from pequeroku_ui.components.admin_rows import plain_row, plain_table
from pequeroku_ui.components.blanks import content, no_rows, page_bones
from pequeroku_ui.components.layout import page_head
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.admin_tip_candidates import AdminTipCandidatesState, CandidateRow, WordsRow

_S = AdminTipCandidatesState
_HEADS = ("Made", "Kind", "Sentence", "Words by", "Stands on", "When last asked")
_WORDS = ("Kind", "Ours", "Of models", "Candidates in these words")
_LEAD = (
    "What could be said to somebody in the last two days. Of whom is not shown, nor what people call their own things."
)


def page() -> rx.Component:
    """Candidates, a page at a time; then the words."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(
                page_head("Candidates", _LEAD),
                tips_nav(),
                _narrowing(),
                _rows(),
                _pages(),
                rx.el.section(
                    rx.el.h2("Words"),
                    plain_table("Words", _WORDS, rx.foreach(_S.words, _words)),
                    aria_label="Words of each kind",
                ),
            ),
            page_bones("Loading the candidates"),
        )
    )


def _narrowing() -> rx.Component:
    return rx.form(
        rx.el.label(
            "Kind",
            rx.el.select(
                rx.el.option("All", value=""),
                *(rx.el.option(each, value=each) for each in KINDS),
                name="kind",
                default_value=_S.kind,
                key=_S.kind,
                class_name="pq-input",
            ),
            class_name="pq-filter",
        ),
        rx.el.button("Show", type="submit", class_name="pq-icon-button"),
        on_submit=_S.find,
        role="search",
        class_name="pq-narrowing",
    )


def _rows() -> rx.Component:
    return rx.cond(
        _S.rows.length() > 0,
        plain_table("Candidates", _HEADS, rx.foreach(_S.rows, _row)),
        no_rows(rx.el.p("There is no such candidate.")),
    )


def _row(row: CandidateRow) -> rx.Component:
    stands = rx.el.span(
        rx.el.code(row.feature), " ", row.value, rx.cond(row.slots != "", rx.el.small(rx.el.br(), row.slots))
    )
    last = rx.el.span(row.last_said, class_name="pq-status", custom_attrs={"data-tone": row.tone})
    return plain_row(_HEADS, (ago(at=row.made_at), row.kind, row.sentence, row.phrased_by, stands, last), row.key)


def _pages() -> rx.Component:
    return rx.el.nav(
        rx.cond(
            _S.before > 0,
            rx.el.button("Newest", type="button", on_click=_S.find({"kind": _S.kind}), class_name="pq-icon-button"),
        ),
        rx.cond(_S.has_more, rx.el.button("Older", type="button", on_click=_S.older, class_name="pq-icon-button")),
        aria_label="Pages",
        class_name="pq-pages",
    )


def _words(row: WordsRow) -> rx.Component:
    models = rx.cond(
        row.phrases.length() > 0,
        rx.el.ul(rx.foreach(row.phrases, lambda each: rx.el.li(each)), class_name="pq-phrases"),
        "none",
    )
    return plain_row(_WORDS, (row.kind, row.templates, models, row.in_use), row.kind)
