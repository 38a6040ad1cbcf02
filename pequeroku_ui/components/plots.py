"""Bars of the administration's pages, and the panel that each plot stands in."""

import reflex as rx

HEIGHT = 220
INK = "var(--pq-ink-soft)"


def axes(key: str, *, is_whole: bool = True) -> list[rx.Component]:
    """Of upright bars, by the value `key` of each; whole numbers, or others."""
    return [
        rx.recharts.x_axis(data_key=key, stroke=INK, tick_line=False),
        rx.recharts.y_axis(stroke=INK, allow_decimals=not is_whole, tick_line=False, axis_line=False),
        rx.recharts.graphing_tooltip(cursor=False),
        rx.recharts.legend(),
    ]


def plot(title: str, chart: rx.Component, words: rx.Component) -> rx.Component:
    """A chart with its title, and the same in words below it."""
    return rx.el.section(
        rx.el.h2(title),
        rx.el.div(chart, class_name="pq-plot"),
        words,
        class_name="pq-panel pq-section",
        aria_label=title,
    )
