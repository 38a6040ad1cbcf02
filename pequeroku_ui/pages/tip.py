"""One tip, and nothing else."""

import reflex as rx

from pequeroku_ui.components.tip import face


def page() -> rx.Component:
    """The watch face."""
    return face()
