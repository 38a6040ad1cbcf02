"""Signing in: by name and password, with a code, or through somebody else; and the form for tools."""

import reflex as rx

from pequeroku_ui.components.blanks import nothing_here
from pequeroku_ui.components.brand import LINE, NAME
from pequeroku_ui.components.forms import field, password_field
from pequeroku_ui.components.layout import bare_page, bare_panel
from pequeroku_ui.components.native import native_form
from pequeroku_ui.components.notes import problem
from pequeroku_ui.components.providers import provider_buttons
from pequeroku_ui.state.login import AdminLoginState, LoginState


def page() -> rx.Component:
    """The form posts by itself, so it works before any script has run."""
    return _panel(
        NAME,
        LINE,
        native_form(
            field("User name", "username", type="text", auto_complete="username", auto_focus=True, required=True),
            password_field("Password", "password", "current-password"),
            rx.el.input(type="hidden", name="next", value=LoginState.onward, read_only=True),
            _go("Sign in"),
            action="/auth/login",
            method="post",
            class_name="pq-form",
        ),
        provider_buttons(),
        rx.cond(
            LoginState.can_sign_up,
            rx.el.p("No account yet? ", rx.link("Make one", href="/signup", underline="always"), class_name="pq-quiet"),
        ),
    )


def code_page() -> rx.Component:
    """The second step."""
    return _panel(
        "One more step",
        "Enter the code that your authenticator app shows, or one of your recovery codes.",
        native_form(
            field("Code", "code", required=True, auto_complete="one-time-code", auto_focus=True, max_length=20),
            rx.el.input(type="hidden", name="next", value=LoginState.onward, read_only=True),
            _go("Go on"),
            action="/auth/code",
            method="post",
            class_name="pq-form",
        ),
        rx.link("Begin again", href="/login", underline="always", class_name="pq-quiet"),
    )


def admin_page() -> rx.Component:
    """The form for the token. Without one there is no such page."""
    return rx.cond(
        AdminLoginState.is_offered,
        _panel(
            "Administration",
            "Automated tools sign in here with the token that the operator has set.",
            native_form(
                password_field("Token", "token", "off", auto_focus=True),
                _go("Sign in"),
                action="/auth/token",
                method="post",
                class_name="pq-form",
            ),
            rx.link("Sign in with a name", href="/login?next=/admin/", underline="always", class_name="pq-quiet"),
        ),
        rx.cond(rx.State.is_hydrated & AdminLoginState.is_read, nothing_here(), bare_page()),
    )


def _panel(title: str, lead: str, *children: rx.Component) -> rx.Component:
    return bare_panel(title, problem(LoginState.problem, id="login-problem"), *children, lead=lead)


def _go(label: str) -> rx.Component:
    return rx.button(label, rx.icon("arrow-right", size=16, aria_hidden="true"), type="submit", size="3")
