"""The tips, for administrators: who chooses, what the gate says, how fresh is what they know."""

import reflex as rx

from backend.rules.bandit.stages import Stage
from pequeroku_ui.components.admin import admin_page, table
from pequeroku_ui.components.blanks import content, no_rows, page_bones
from pequeroku_ui.components.layout import page_head
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.admin_tips import AdminTipsState, FreshRow, PolicyRow, ReportRow

_S = AdminTipsState
_DOES = {
    Stage.SHADOW: "Only look on",
    Stage.CANARY: "Try it out",
    Stage.RETIRED: "Retire",
    Stage.ACTIVE: "Activate",
    Stage.DRAFT: "Draft",
}
_TONES = (("active", "good"), ("canary", "busy"))
_FRESH_HEADS = ("Feature", "Consent", "Promised within", "People", "Too old", "Oldest")


def page() -> rx.Component:
    """Policies, reports, freshness."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(
                page_head("Tips", "Who chooses them. None is made active by hand: the gate does that."),
                _policies(),
                _reports(),
                _freshness(),
            ),
            page_bones("Loading the tips"),
        )
    )


def _policies() -> rx.Component:
    heads = rx.el.tr(*(rx.el.th(each, scope="col") for each in ("Policy", "Stage", "Since", "Learnt", "")))
    return rx.cond(
        _S.policies.length() > 0,
        table("Policies", heads, rx.foreach(_S.policies, _policy)),
        no_rows(rx.el.p("There are no policies yet. The task process puts the first ones in their places.")),
    )


def _policy(row: PolicyRow) -> rx.Component:
    tone = rx.match(row.stage, *_TONES, "off")
    stage = rx.el.span(
        rx.el.span(row.stage, class_name="pq-tag", custom_attrs={"data-tone": tone}), " ", rx.el.small(row.says)
    )
    moves = rx.el.div(rx.foreach(row.moves, lambda to: _move(row, to)), class_name="pq-row-acts")
    cells = (row.name, stage, ago(at=row.since), row.learnt, moves)
    labelled = zip(cells, ("Policy", "Stage", "Since", "Learnt", "Moves"), strict=True)
    return rx.el.tr(
        *(rx.el.td(cell, custom_attrs={"data-label": label}) for cell, label in labelled),
        custom_attrs={"data-row": row.key},
    )


def _move(row: PolicyRow, to: rx.Var[str]) -> rx.Component:
    words = rx.match(to, *((stage.value, said) for stage, said in _DOES.items()), to)
    return rx.el.button(words, type="button", on_click=_S.move(row.key, to), class_name="pq-icon-button")


def _reports() -> rx.Component:
    return rx.el.section(
        rx.el.h2("What the gate said"),
        rx.cond(
            _S.reports.length() > 0,
            rx.el.ul(rx.foreach(_S.reports, _report), role="list", class_name="pq-reports"),
            rx.el.p("Nothing yet. It looks every ten minutes while a policy is tried out.", class_name="pq-quiet"),
        ),
        aria_label="What the gate said",
    )


def _report(row: ReportRow) -> rx.Component:
    return rx.el.li(
        rx.el.p(rx.el.b(row.outcome), " ", row.who, ", ", ago(at=row.at)),
        rx.el.ul(rx.foreach(row.reasons, lambda each: rx.el.li(each, class_name="pq-quiet"))),
    )


def _freshness() -> rx.Component:
    heads = rx.el.tr(*(rx.el.th(each, scope="col") for each in _FRESH_HEADS))
    return rx.el.section(
        rx.el.h2("How fresh it is"),
        table("How fresh it is", heads, rx.foreach(_S.fresh, _fresh)),
        aria_label="How fresh what they know is",
    )


def _fresh(row: FreshRow) -> rx.Component:
    stale = rx.cond(row.is_late, rx.el.b(row.stale), row.stale)
    cells = (row.name, row.scope, row.promised, row.held, stale, row.oldest)
    labelled = zip(cells, _FRESH_HEADS, strict=True)
    return rx.el.tr(
        *(rx.el.td(cell, custom_attrs={"data-label": label}) for cell, label in labelled),
        custom_attrs={"data-row": row.name},
    )
