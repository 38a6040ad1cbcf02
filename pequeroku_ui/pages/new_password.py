"""Choosing a new password, for who was given one."""

import reflex as rx

from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.forms import password_field
from pequeroku_ui.components.layout import bare_panel
from pequeroku_ui.components.native import native_form
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state.new_password import NewPasswordState


def page() -> rx.Component:
    """The one form, and the way out."""
    return bare_panel(
        "Choose a new password",
        rx.form(
            password_field("Present password", "old", "current-password", auto_focus=True),
            password_field("New password", "new", "new-password", min_length=10),
            password_field("New password again", "again", "new-password", min_length=10),
            problem(NewPasswordState.problem),
            rx.button("Change password", type="submit", size="3"),
            on_submit=NewPasswordState.change,
            class_name="pq-form",
        ),
        native_form(quiet_button("Sign out", type="submit", size="2"), action="/auth/logout", method="post"),
        lead="The present one was set by somebody else. Nobody but you should know yours.",
    )
