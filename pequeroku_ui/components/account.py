"""What stands around the sections of the account."""

import reflex as rx

from pequeroku_ui.components.account_nav import account_head
from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.components.layout import trouble
from pequeroku_ui.state.base import AppState


def account_page(load: rx.event.EventType[()], *sections: rx.Component) -> rx.Component:
    """One section's page. `load`: what “Try again” does."""
    return framed(
        account_head(),
        rx.cond(
            AppState.trouble != "",
            trouble(load),
            rx.cond(AppState.ready, rx.el.div(*sections, class_name="pq-sections"), _skeleton()),
        ),
    )


def section(title: str, name: str, *children: rx.Component, lead: str = "") -> rx.Component:
    """A panel with a title. `name` is its id on the page."""
    return rx.el.section(
        rx.el.h2(title, id=name),
        *([rx.el.p(lead, class_name="pq-quiet")] if lead else []),
        *children,
        class_name="pq-panel pq-section",
        aria_labelledby=name,
    )


def _skeleton() -> rx.Component:
    panel = rx.el.div(
        rx.el.div(class_name="pq-bone pq-bone-title"),
        rx.el.div(class_name="pq-bone"),
        rx.el.div(class_name="pq-bone pq-bone-short"),
        class_name="pq-panel pq-card",
    )
    return rx.el.div(
        panel, panel, class_name="pq-sections", role="status", aria_busy="true", aria_label="Loading your account"
    )
