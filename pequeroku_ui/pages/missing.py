"""There is nothing here."""

import reflex as rx

from pequeroku_ui.components.brand import mark
from pequeroku_ui.components.layout import bare_page


def page() -> rx.Component:
    """The 404 page."""
    return bare_page(
        rx.el.div(
            mark(48),
            rx.el.h1("There is nothing here"),
            rx.el.p("The address is wrong, or what was here is gone.", class_name="pq-lead"),
            rx.link("Go to your containers", href="/", class_name="pq-button-link"),
            class_name="pq-panel pq-login",
        )
    )
