"""What I did, and what was done to my account."""

import reflex as rx

from pequeroku_ui.components.account_nav import account_head
from pequeroku_ui.components.activity import activity_list
from pequeroku_ui.components.layout import bones, trouble
from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.state.activity import ActivityState


def page() -> rx.Component:
    """A list, newest first."""
    return framed(
        account_head(),
        rx.cond(
            ActivityState.trouble != "",
            trouble(ActivityState.load),
            rx.cond(ActivityState.ready, _section(), bones("Loading your activity")),
        ),
    )


def _section() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Activity", id="activity"),
        rx.el.p("What you did here, and what was done to your account. Nobody can change it.", class_name="pq-quiet"),
        activity_list(),
        class_name="pq-panel pq-section",
        aria_labelledby="activity",
    )
