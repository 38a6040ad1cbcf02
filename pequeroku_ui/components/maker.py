"""The dialog that makes a container."""

import reflex as rx

from pequeroku_ui.components.cards import type_cards
from pequeroku_ui.components.dialogs import answers, form_dialog
from pequeroku_ui.components.forms import field
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state.dashboard import DashboardState


def maker_dialog() -> rx.Component:
    """Choose a type, name it or don't, create."""
    is_stuck = DashboardState.first_type == ""
    hint = rx.el.p("Nothing you may choose fits your credits now. Stop a container first.", class_name="pq-quiet")
    return form_dialog(
        "New container",
        "A machine of its own: choose its size. You can be inside within a minute.",
        type_cards(DashboardState.types, DashboardState.first_type, required=True),
        field("Name", "name", is_optional=True, placeholder="a name will be made up", max_length=63),
        problem(DashboardState.problem),
        end=answers("Create", hint=rx.cond(is_stuck, hint), disabled=is_stuck),
        on_submit=DashboardState.make,
        max_width="38rem",
        open=DashboardState.is_making,
        on_open_change=DashboardState.show_maker,
    )
