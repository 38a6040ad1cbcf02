"""What the assistant costs, for administrators."""

import reflex as rx

from pequeroku_ui.components.admin import admin_page
from pequeroku_ui.components.blanks import content, page_bones
from pequeroku_ui.components.layout import page_head
from pequeroku_ui.components.plots import HEIGHT, axes, plot
from pequeroku_ui.state.admin_costs import SPANS, AdminCostsState, CostLine

_S = AdminCostsState


def page() -> rx.Component:
    """The total, then plots."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(page_head("AI costs", _S.total, _spans(), is_live=True), _plots()),
            page_bones("Loading the costs"),
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


def _plots() -> rx.Component:
    each = rx.el.p(rx.link("Every question, one by one", href="/admin/internal_config/aiusagelog/"))
    return rx.el.div(
        plot("Cost by day", _bars(_S.days), each),
        plot("Cost by user", _bars(_S.users), _lines(_S.user_lines)),
        plot("Cost by model", _bars(_S.models), _lines(_S.model_lines)),
        class_name="pq-plots",
    )


def _bars(data: rx.Var[list[dict[str, object]]]) -> rx.Component:
    return rx.recharts.bar_chart(
        rx.recharts.bar(data_key="cost", fill="var(--accent-9)"),
        *axes("name", is_whole=False),
        data=data,
        height=HEIGHT,
    )


def _lines(lines: rx.Var[list[CostLine]]) -> rx.Component:
    return rx.el.ul(rx.foreach(lines, _line), class_name="pq-see", role="list")


def _line(each: CostLine) -> rx.Component:
    return rx.el.li(rx.el.b(each.name), ": ", each.said, class_name="pq-quiet")
