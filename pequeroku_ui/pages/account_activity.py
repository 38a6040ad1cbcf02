"""What I did, and what was done to my account."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.activity import activity_list
from pequeroku_ui.components.layout import section
from pequeroku_ui.state.activity import ActivityState


def page() -> rx.Component:
    """A list, newest first."""
    lead = "What you did here, and what was done to your account. Nobody can change it."
    return account_page(ActivityState.load, section("Activity", "activity", activity_list(), lead=lead))
