"""The administration's first page: is anything wrong, what runs, and what is left."""

import reflex as rx

from backend.services.admin.overview import Trouble
from pequeroku_ui.components.admin import admin_page
from pequeroku_ui.components.blanks import content, page_bones
from pequeroku_ui.components.notes import note
from pequeroku_ui.components.plots import HEIGHT, INK, axes, plot
from pequeroku_ui.state.admin_overview import AdminOverviewState, Figure, NodeLine

_S = AdminOverviewState
_PARTS = {"capacity": "var(--pq-track)", "promised": "var(--pq-busy)", "used now": "var(--pq-good)"}


def page() -> rx.Component:
    """Troubles first, then figures and plots."""
    return admin_page(
        content(
            _S.load,
            rx.fragment(rx.el.div(rx.el.h1("Overview"), class_name="pq-head"), _troubles(), _figures(), _plots()),
            page_bones("Loading the overview"),
        )
    )


def _troubles() -> rx.Component:
    return rx.cond(
        _S.troubles.length() > 0,
        rx.el.ul(rx.foreach(_S.troubles, _trouble), class_name="pq-troubles", role="list", aria_label="Needs you"),
        note("good", "check", "Nothing needs you: every node answers, nothing is in error."),
    )


def _trouble(each: Trouble) -> rx.Component:
    return rx.el.li(
        rx.icon("circle-alert", size=18, aria_hidden="true"),
        rx.el.span(each.text),
        rx.link("Look", href=each.link, aria_label="Look: " + each.text),
        class_name="pq-note",
        custom_attrs={"data-tone": rx.cond(each.is_grave, "bad", "warn")},
    )


def _figures() -> rx.Component:
    return rx.el.ul(rx.foreach(_S.figures, _figure), class_name="pq-figures", role="list")


def _figure(each: Figure) -> rx.Component:
    inner = rx.fragment(rx.el.b(each.value), rx.el.span(each.label))
    return rx.el.li(
        rx.cond(each.href != "", rx.link(inner, href=each.href, underline="none"), rx.el.span(inner)),
        class_name="pq-panel",
    )


def _plots() -> rx.Component:
    hours = rx.recharts.bar_chart(
        rx.recharts.bar(data_key="created", fill="var(--pq-busy)"),
        rx.recharts.bar(data_key="failed", fill="var(--pq-bad)"),
        *axes("hour"),
        data=_S.hours,
        height=HEIGHT,
    )
    states = rx.recharts.bar_chart(
        rx.recharts.bar(data_key="containers", fill="var(--accent-9)"),
        rx.recharts.x_axis(type_="number", stroke=INK, allow_decimals=False, tick_line=False),
        rx.recharts.y_axis(
            data_key="name", type_="category", stroke=INK, tick_line=False, axis_line=False, width=90, interval=0
        ),
        rx.recharts.graphing_tooltip(cursor=False),
        layout="vertical",
        data=_S.states,
        height=HEIGHT,
    )
    return rx.el.div(
        plot("Containers by state", states, rx.fragment()),
        plot("Made and failed, by hour", hours, rx.el.p(_S.hours_words, class_name="pq-quiet")),
        plot("CPU by node (vCPUs)", _loads(_S.cpu), _lines(lambda line: line.cpu)),
        plot("Memory by node (MiB)", _loads(_S.memory), _lines(lambda line: line.memory)),
        class_name="pq-plots",
    )


def _loads(data: rx.Var) -> rx.Component:
    bars = [rx.recharts.bar(data_key=part, fill=colour) for part, colour in _PARTS.items()]
    return rx.recharts.bar_chart(*bars, *axes("name"), data=data, height=HEIGHT)


def _lines(said: rx.event.EventType) -> rx.Component:
    return rx.el.ul(rx.foreach(_S.lines, lambda line: _line(line, said(line))), class_name="pq-see", role="list")


def _line(line: NodeLine, said: rx.Var[str]) -> rx.Component:
    return rx.el.li(rx.link(line.name, href=line.href), ": ", said, class_name="pq-quiet")
