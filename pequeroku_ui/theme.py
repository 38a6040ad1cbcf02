"""The one look: Radix' tokens with our own accent on top (assets/pequeroku.css holds the rest)."""

import reflex as rx

STYLESHEETS = ["/pequeroku.css"]

FONT_PACKAGE = "@fontsource-variable/inter@5.3.0"
FONT_STYLESHEET = "@fontsource-variable/inter/index.css"


def theme() -> rx.Component:
    """The theme around every page; light or dark follows the person's choice."""
    return rx.theme(accent_color="teal", gray_color="slate", radius="large", panel_background="solid")
