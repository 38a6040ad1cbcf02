"""What tips were worth over time, for administrators, and what other policies would have made of them."""

import reflex as rx

from pequeroku_ui.components.admin import admin_page, tips_nav
from pequeroku_ui.components.admin_rows import plain_row, plain_table
from pequeroku_ui.components.blanks import content, no_rows, page_bones
from pequeroku_ui.components.layout import page_head
from pequeroku_ui.components.plots import HEIGHT, axes, plot
from pequeroku_ui.state.admin_tip_rewards import SPANS, AdminTipRewardsState, OtherRow, WorthRow

_S = AdminTipRewardsState
_HEADS = ("Who decided", "Stage", "Tips", "Reward known", "Reward a tip", "95 % interval")
_DAYS = ("Day", "Tips", "Reward known", "Reward a tip", "95 % interval", "Regret until then")
_OTHERS = ("Policy", "It would have earned, a tip", "How sure")
_REGRET = (
    "Regret is what the best of the policies that were asked would have earned more than what was shown, had it "
    "decided alone. It is estimated from these same decisions by the doubly robust method, pair by pair, and left out "
    "where they are worth less than 100 of that policy's own."
)


def page() -> rx.Component:
    """The sum, plots, and the same in tables."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(
                page_head("Rewards", _S.total, _spans(), is_live=True),
                tips_nav(),
                rx.cond(_S.days.length() > 0, _all(), no_rows(rx.el.p("No tip was chosen in this time."))),
            ),
            page_bones("Loading the rewards"),
        )
    )


def _spans() -> rx.Component:
    return rx.el.div(*(_span(*each) for each in SPANS), role="group", aria_label="How far back", class_name="pq-spans")


def _span(days: int, label: str) -> rx.Component:
    return rx.el.button(
        label,
        type="button",
        on_click=_S.choose(days),
        custom_attrs={"aria-pressed": rx.cond(_S.span == days, "true", "false")},
    )


def _all() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            plot("Reward a tip, by day", _line("reward"), rx.el.p(_S.rewarded, class_name="pq-quiet")),
            plot("Tips, by day", _bars(), rx.el.p(_S.counted, class_name="pq-quiet")),
            rx.cond(
                _S.has_regret,
                plot(
                    "Regret, added up",
                    _line("regret"),
                    rx.el.p("How sure that is, stands below.", class_name="pq-quiet"),
                ),
            ),
            class_name="pq-plots",
        ),
        rx.el.section(
            rx.el.h2("Regret"),
            rx.el.p(_S.regret),
            rx.el.p(_REGRET, class_name="pq-quiet"),
            rx.cond(
                _S.others.length() > 0,
                plain_table("What others would have earned", _OTHERS, rx.foreach(_S.others, _other)),
            ),
            aria_label="Regret",
        ),
        rx.el.section(
            rx.el.h2("By who decided"),
            plain_table("By who decided", _HEADS, rx.foreach(_S.deciders, _decider)),
            aria_label="By who decided",
        ),
        rx.el.section(
            rx.el.h2("By day"), plain_table("By day", _DAYS, rx.foreach(_S.day_rows, _day)), aria_label="By day"
        ),
    )


def _line(key: str) -> rx.Component:
    line = rx.recharts.line(data_key=key, stroke="var(--accent-9)", connect_nulls=True, is_animation_active=False)
    return rx.recharts.line_chart(line, *axes("name", is_whole=False), data=_S.days, height=HEIGHT)


def _bars() -> rx.Component:
    bar = rx.recharts.bar(data_key="tips", fill="var(--accent-9)", is_animation_active=False)
    return rx.recharts.bar_chart(bar, *axes("name"), data=_S.days, height=HEIGHT)


def _decider(row: WorthRow) -> rx.Component:
    return plain_row(_HEADS, (row.name, row.stage, row.tips, row.known, row.mean, row.interval), row.key)


def _day(row: WorthRow) -> rx.Component:
    return plain_row(_DAYS, (row.name, row.tips, row.known, row.mean, row.interval, row.regret), row.key)


def _other(row: OtherRow) -> rx.Component:
    return plain_row(_OTHERS, (row.name, row.more, row.sure), row.name)
