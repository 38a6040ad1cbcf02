"""Who chooses tips, for administrators: the policies, where they may be moved, and what the gate says of them."""

import reflex as rx

from backend.rules.bandit.stages import Stage
from pequeroku_ui.components.admin import admin_page, tips_nav
from pequeroku_ui.components.admin_rows import plain_row, plain_table
from pequeroku_ui.components.blanks import content, no_rows, page_bones
from pequeroku_ui.components.layout import page_head
from pequeroku_ui.components.moments import ago
from pequeroku_ui.state.admin_tips import AdminTipsState, FigureRow, LinkRow, PolicyRow, ReportRow

_S = AdminTipsState
_DOES = {
    Stage.SHADOW: "Only look on",
    Stage.CANARY: "Try it out",
    Stage.RETIRED: "Retire",
    Stage.ACTIVE: "Activate",
    Stage.DRAFT: "Draft",
}
_TONES = (("active", "good"), ("canary", "busy"))
_HEADS = ("Policy", "Stage", "Since", "Learnt", "Move")
_FIGURES = ("Better by, a tip", "Estimate", "95 % interval", "Decisions", "Worth of its own")


def page() -> rx.Component:
    """Policies and reports, and the ways out."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(
                page_head("Tips", "Who chooses them. None is made active by hand: the gate does that."),
                tips_nav(),
                _policies(),
                _reports(),
                _links(),
            ),
            page_bones("Loading the tips"),
        )
    )


def _policies() -> rx.Component:
    return rx.cond(
        _S.policies.length() > 0,
        plain_table("Policies", _HEADS, rx.foreach(_S.policies, _policy)),
        no_rows(rx.el.p("There are no policies yet. The task process puts the first ones in their places.")),
    )


def _policy(row: PolicyRow) -> rx.Component:
    tone = rx.match(row.stage, *_TONES, "off")
    stage = rx.el.span(
        rx.el.span(row.stage, class_name="pq-tag", custom_attrs={"data-tone": tone}), " ", rx.el.small(row.says)
    )
    moves = rx.el.div(rx.foreach(row.moves, lambda to: _move(row, to)), class_name="pq-row-acts")
    return plain_row(_HEADS, (row.name, stage, ago(at=row.since), row.learnt, moves), row.key)


def _move(row: PolicyRow, to: rx.Var[str]) -> rx.Component:
    words = rx.match(to, *((stage.value, said) for stage, said in _DOES.items()), to)
    return rx.el.button(
        words,
        rx.el.span(" ", row.name, class_name="pq-unseen"),
        type="button",
        on_click=_S.move(row.key, to),
        class_name="pq-icon-button",
    )


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
    outcome = rx.el.span(row.outcome, class_name="pq-tag", custom_attrs={"data-tone": row.tone})
    return rx.el.li(
        rx.el.p(outcome, " ", row.who, ", ", ago(at=row.at)),
        rx.el.ul(rx.foreach(row.reasons, lambda each: rx.el.li(each, class_name="pq-quiet"))),
        rx.cond(
            row.figures.length() > 0,
            plain_table("Estimates", _FIGURES, rx.foreach(row.figures, _figure)),
        ),
    )


def _figure(row: FigureRow) -> rx.Component:
    return plain_row(_FIGURES, (row.name, row.value, row.interval, row.decisions, row.worth), row.name)


def _links() -> rx.Component:
    return rx.cond(
        _S.links.length() > 0,
        rx.el.section(
            rx.el.h2("Elsewhere"),
            rx.el.ul(rx.foreach(_S.links, _link), role="list", class_name="pq-link-row"),
            aria_label="Elsewhere",
        ),
    )


def _link(row: LinkRow) -> rx.Component:
    icon = rx.icon("external-link", size=14, aria_hidden="true")
    return rx.el.li(rx.link(row.name, " ", icon, href=row.url, is_external=True, rel="noopener noreferrer"))
