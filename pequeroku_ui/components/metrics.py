"""What a container used, as charts (metrics.jsx), and where the time of its last start went."""

from typing import Any

import reflex as rx

from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.metrics import SPANS, BootRow, MetricsState

_RECHARTS = str(rx.recharts.AreaChart.create().library)
"""The very version that Reflex itself draws with."""


class MetricsCharts(rx.NoSSRComponent):
    """Four charts of the last `span` seconds, and the same as a table."""

    library = rx.asset("metrics.jsx", shared=True).importable_path
    lib_dependencies: list[str] = [_RECHARTS]
    tag = "MetricsCharts"
    history: rx.Var[dict[str, Any]]
    latest: rx.Var[list[float | None]]
    """The newest sample, as a row of the history."""
    span: rx.Var[int]


def metrics_view() -> rx.Component:
    """A view of the container's page. It is read when it is brought to the front, and followed until it is left."""
    return rx.el.div(
        rx.el.div(*(_span(*each) for each in SPANS), role="group", aria_label="How far back", class_name="pq-spans"),
        rx.cond(MetricsState.problem != "", rx.el.p(MetricsState.problem, role="alert")),
        MetricsCharts.create(history=MetricsState.history, latest=MetricsState.latest, span=MetricsState.span),
        rx.cond(MetricsState.boot.length() > 0, _boot()),
        on_mount=MetricsState.open(ContainerState.shown.id),
        on_unmount=MetricsState.close,
        class_name="pq-metrics",
    )


def _span(seconds: int, label: str) -> rx.Component:
    return rx.el.button(
        label,
        type="button",
        on_click=MetricsState.choose(seconds),
        custom_attrs={"aria-pressed": rx.cond(MetricsState.span == seconds, "true", "false")},
    )


def _boot() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("The last start"),
            rx.el.p(MetricsState.boot_total, class_name="pq-figure"),
            class_name="pq-metric-head",
        ),
        rx.el.ol(rx.foreach(MetricsState.boot, _boot_row), class_name="pq-boot", role="list"),
        class_name="pq-panel pq-section",
        aria_label="The last start",
    )


def _boot_row(each: BootRow) -> rx.Component:
    bar = rx.el.span(style={"margin-inline-start": each.after, "width": each.took}, aria_hidden="true")
    return rx.el.li(
        rx.el.span(each.label),
        rx.el.span(bar, class_name="pq-boot-track"),
        rx.el.span(each.words, class_name="pq-figure"),
    )
