"""My account: who I am."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.forms import field
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state.account import AccountState


def page() -> rx.Component:
    """The profile, and what the account has."""
    return account_page(AccountState.load, _profile(), _facts())


def _profile() -> rx.Component:
    return section(
        "Profile",
        "profile",
        rx.form(
            field(
                "Display name",
                "display_name",
                default_value=AccountState.display_name,
                max_length=100,
                auto_complete="name",
                hint="What others see you as. Empty: your user name.",
            ),
            field(
                "E-mail",
                "email",
                type="email",
                default_value=AccountState.email,
                max_length=254,
                auto_complete="email",
            ),
            problem(AccountState.problem),
            rx.el.div(rx.button("Save", type="submit", size="3")),
            on_submit=AccountState.save,
            key=AccountState.display_name + AccountState.email,
            class_name="pq-form",
        ),
    )


def _facts() -> rx.Component:
    return section(
        "What you have",
        "facts",
        rx.el.dl(
            rx.el.dt("User name"),
            rx.el.dd(AccountState.username),
            rx.el.dt("Role"),
            rx.el.dd(rx.cond(AccountState.is_admin, "Administrator", "User")),
            rx.el.dt("Credits"),
            rx.el.dd(AccountState.credits_used, " used of ", AccountState.credits_limit),
            rx.el.dt("Made"),
            rx.el.dd(ago(at=AccountState.since)),
            class_name="pq-list",
        ),
    )
