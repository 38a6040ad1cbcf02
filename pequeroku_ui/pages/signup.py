"""Making an account, and opening a link that one was given."""

import reflex as rx

from pequeroku_ui.components.brand import LINE
from pequeroku_ui.components.forms import field, password_field
from pequeroku_ui.components.layout import bare_panel
from pequeroku_ui.components.native import native_form
from pequeroku_ui.components.notes import note, problem
from pequeroku_ui.components.providers import provider_buttons
from pequeroku_ui.state.login import JoinState, SignUpState


def page() -> rx.Component:
    """A new account, where there may be one."""
    return bare_panel(
        "Make an account",
        problem(SignUpState.problem, id="sign-up-problem"),
        rx.cond(
            SignUpState.can_sign_up,
            rx.fragment(sign_up_form(SignUpState.invitation), provider_buttons()),
            note("off", "info", "Accounts are not for everybody here. Ask an administrator for an invitation."),
        ),
        rx.el.p("You have one? ", rx.link("Sign in", href="/login", underline="always"), class_name="pq-quiet"),
        lead=LINE,
    )


def join_page() -> rx.Component:
    """What one is invited to, and the ways to take it up."""
    return bare_panel(
        "An invitation",
        problem(JoinState.problem, id="join-problem"),
        rx.cond(JoinState.is_good, _invited()),
        rx.cond(
            JoinState.is_read,
            rx.fragment(),
            rx.el.p("A moment…", class_name="pq-quiet", role="status", aria_busy="true"),
        ),
    )


def sign_up_form(invitation: rx.Var[str]) -> rx.Component:
    """It posts by itself; what was filled in comes back with a refusal."""
    return native_form(
        field(
            "User name",
            "username",
            required=True,
            max_length=64,
            auto_complete="username",
            default_value=SignUpState.asked_name,
            key="name" + SignUpState.asked_name,
        ),
        field(
            "E-mail",
            "email",
            type="email",
            is_optional=True,
            max_length=254,
            auto_complete="email",
            default_value=SignUpState.asked_email,
            key="email" + SignUpState.asked_email,
        ),
        password_field("Password", "password", "new-password", min_length=10, hint="At least 10 characters."),
        rx.el.input(type="hidden", name="invitation", value=invitation, read_only=True),
        rx.button("Make an account", type="submit", size="3"),
        action="/auth/signup",
        method="post",
        class_name="pq-form",
    )


def _invited() -> rx.Component:
    return rx.fragment(
        rx.el.p(
            rx.cond(JoinState.by != "", rx.el.b(JoinState.by), "An administrator"),
            " invites you to ",
            rx.cond(
                JoinState.team_name != "", rx.el.span("join the team ", rx.el.b(JoinState.team_name)), "make an account"
            ),
            ".",
            class_name="pq-lead",
        ),
        rx.cond(
            JoinState.is_mine,
            rx.cond(
                JoinState.team_name != "",
                rx.button("Join the team", on_click=JoinState.accept, size="3"),
                note("off", "info", "You have an account already: pass the link on to who has none."),
            ),
            rx.fragment(
                rx.cond(JoinState.can_sign_up, rx.fragment(sign_up_form(JoinState.token), provider_buttons())),
                rx.el.p(
                    "You have an account? ",
                    rx.link("Sign in", href="/login?next=/join/" + JoinState.token, underline="always"),
                    class_name="pq-quiet",
                ),
            ),
        ),
    )
