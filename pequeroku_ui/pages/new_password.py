"""Choosing a new password, for who was given one."""

import reflex as rx

from pequeroku_ui.components.brand import mark
from pequeroku_ui.components.forms import password_field, problem
from pequeroku_ui.components.layout import bare_page
from pequeroku_ui.components.native import native_form
from pequeroku_ui.state.new_password import NewPasswordState


def page() -> rx.Component:
    """The one form, and the way out."""
    return bare_page(
        rx.el.div(
            mark(48),
            rx.el.h1("Choose a new password"),
            rx.el.p(
                "The present one was set by somebody else. Nobody but you should know yours.", class_name="pq-lead"
            ),
            rx.form(
                password_field("Present password", "old", "current-password", auto_focus=True),
                password_field("New password", "new", "new-password", min_length=10),
                password_field("New password again", "again", "new-password", min_length=10),
                problem(NewPasswordState.problem),
                rx.button("Change password", type="submit", size="3"),
                on_submit=NewPasswordState.change,
                class_name="pq-form",
            ),
            native_form(
                rx.button("Sign out", type="submit", variant="soft", color_scheme="gray", size="2"),
                action="/auth/logout",
                method="post",
            ),
            class_name="pq-panel pq-login",
        ),
    )
