"""Signing in: by name and password, with a code, or through somebody else; and the form for tools."""

import reflex as rx

from pequeroku_ui.components.brand import LINE, NAME, mark
from pequeroku_ui.components.forms import field, password_field, problem
from pequeroku_ui.components.layout import bare_page
from pequeroku_ui.components.native import native_form, native_link
from pequeroku_ui.pages import missing
from pequeroku_ui.state.login import AdminLoginState, LoginState, ProviderButton


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
        rx.cond(rx.State.is_hydrated & AdminLoginState.is_read, missing.page(), bare_page()),
    )


def provider_buttons() -> rx.Component:
    """The ways in through somebody else, if there are any."""
    return rx.cond(
        LoginState.providers.length() > 0,
        rx.fragment(rx.el.p("or", class_name="pq-or"), rx.foreach(LoginState.providers, _provider)),
    )


def _provider(each: ProviderButton) -> rx.Component:
    return native_link("Go on with ", each.label, href=each.href, class_name="pq-button-link pq-provider")


def _panel(title: str, lead: str, *children: rx.Component) -> rx.Component:
    return bare_page(
        rx.el.div(
            mark(48),
            rx.el.h1(title),
            rx.el.p(lead, class_name="pq-lead"),
            problem(LoginState.problem, id="login-problem"),
            *children,
            class_name="pq-panel pq-login",
        ),
    )


def _go(label: str) -> rx.Component:
    return rx.button(label, rx.icon("arrow-right", size=16, aria_hidden="true"), type="submit", size="3")
