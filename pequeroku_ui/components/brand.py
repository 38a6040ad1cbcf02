"""The mark and the name."""

import reflex as rx

NAME = "Pequeroku"
LINE = "Real virtual machines, in your browser, on your own hardware."


def mark(size: int = 28) -> rx.Component:
    """A machine small enough to hold: a prompt in a rounded square."""
    return rx.el.svg(
        rx.el.svg.rect(x="1", y="1", width="30", height="30", rx="9", fill="var(--pq-mark)"),
        rx.el.svg.path(
            d="M9.5 11l5 5-5 5M17 21.5h6",
            fill="none",
            stroke="#fff",
            stroke_width="2.75",
            stroke_linecap="round",
            stroke_linejoin="round",
        ),
        view_box="0 0 32 32",
        width=str(size),
        height=str(size),
        aria_hidden="true",
        class_name="pq-mark",
    )


def brand() -> rx.Component:
    """The way home."""
    return rx.link(
        mark(),
        rx.el.span(NAME, class_name="pq-brand-name"),
        href="/",
        aria_label=NAME,  # the name itself is not shown on a phone
        class_name="pq-brand",
        underline="none",
    )
