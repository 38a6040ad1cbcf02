"""What stands around every page, and the headings in it."""

import reflex as rx

from pequeroku_ui.components.bar import top_bar
from pequeroku_ui.components.brand import mark
from pequeroku_ui.components.native import native_link


def framed(*children: rx.Component, fills_window: bool = False) -> rx.Component:
    """A page for somebody who is signed in. `fills_window`: its content takes what the window has left."""
    return rx.fragment(
        native_link("Skip to the content", href="#main", class_name="pq-skip"),
        top_bar(),
        rx.el.main(
            *children,
            id="main",
            tab_index=-1,
            class_name="pq-main pq-main-fills" if fills_window else "pq-main",
        ),
    )


def bare_page(*children: rx.Component) -> rx.Component:
    """A page for anybody: no top bar."""
    return rx.el.main(*children, id="main", class_name="pq-bare")


def bare_panel(title: str, *children: rx.Component, lead: str = "") -> rx.Component:
    """A page for anybody that is one panel."""
    words = [rx.el.p(lead, class_name="pq-lead")] if lead else []
    return bare_page(rx.el.div(mark(48), rx.el.h1(title), *words, *children, class_name="pq-panel pq-login"))


def page_head(title: object, lead: object, *end: rx.Component, is_live: bool = False) -> rx.Component:
    """The heading, a line below it (`is_live`: read out when it changes), and what stands at the right."""
    role = {"role": "status"} if is_live else {}
    words = rx.el.p(lead, class_name="pq-quiet", **role)
    return rx.el.div(rx.el.div(rx.el.h1(title), words), *end, class_name="pq-head")


def back_link(label: str, href: str) -> rx.Component:
    """From one of many to all of them."""
    arrow = rx.icon("arrow-left", size=18, aria_hidden="true")
    return rx.link(arrow, href=href, aria_label=label, title=label, class_name="pq-back")


def section(title: str, name: str, *children: rx.Component, lead: object = "") -> rx.Component:
    """A panel with a title. `name` is its id on the page."""
    words = [rx.el.p(lead, class_name="pq-quiet")] if lead else []
    return rx.el.section(
        rx.el.h2(title, id=name), *words, *children, class_name="pq-panel pq-section", aria_labelledby=name
    )
