"""There is nothing at that address."""

import reflex as rx

from pequeroku_ui.components.blanks import nothing_here


def page() -> rx.Component:
    """The 404 page."""
    return nothing_here()
