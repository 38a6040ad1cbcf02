"""What stands in for a page whose drawing failed."""

import reflex as rx
from reflex_base.vars.base import Var
from reflex_components_core.base.error_boundary import ErrorBoundary

from pequeroku_ui.components.native import native_link


def boundary(stateful: bool) -> rx.Component:
    """Around every page. The fault itself goes to our log, not to the person."""
    props = {} if stateful else {"on_error": rx.noop()}
    return ErrorBoundary.create(fallback_render=Var.create(_apology()), **props)


def _apology() -> rx.Component:
    return rx.el.main(
        rx.el.div(
            rx.el.h1("This page broke"),
            rx.el.p("It is our fault, and it is in our log. Your machines are not touched by it."),
            native_link("Load it again", href="", class_name="pq-button-link"),
            class_name="pq-panel pq-login",
        ),
        class_name="pq-bare",
    )
