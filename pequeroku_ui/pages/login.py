"""Signing in."""

import reflex as rx

from pequeroku_ui.components.brand import LINE, NAME, mark
from pequeroku_ui.components.layout import bare_page
from pequeroku_ui.components.native import native_form
from pequeroku_ui.state.login import LoginState


def page() -> rx.Component:
    """The form posts by itself, so it works before any script has run."""
    return bare_page(
        rx.el.div(
            mark(48),
            rx.el.h1(NAME),
            rx.el.p(LINE, class_name="pq-lead"),
            _problem(),
            native_form(
                _field("User name", "username", type="text", auto_complete="username", auto_focus=True),
                _field("Password", "password", type="password", auto_complete="current-password"),
                rx.el.input(type="hidden", name="next", value=LoginState.onward, read_only=True),
                rx.button("Sign in", rx.icon("arrow-right", size=16, aria_hidden="true"), type="submit", size="3"),
                action="/auth/login",
                method="post",
                class_name="pq-form",
            ),
            class_name="pq-panel pq-login",
        ),
    )


def _problem() -> rx.Component:
    return rx.cond(
        LoginState.problem != "",
        rx.el.p(
            rx.icon("circle-alert", size=18, aria_hidden="true"),
            rx.el.span(LoginState.problem),
            role="alert",
            id="login-problem",
            class_name="pq-note",
            custom_attrs={"data-tone": "bad"},
        ),
    )


def _field(label: str, name: str, **props: object) -> rx.Component:
    return rx.el.label(
        rx.el.span(label),
        rx.el.input(name=name, required=True, class_name="pq-input", spell_check=False, **props),
        class_name="pq-field",
    )
