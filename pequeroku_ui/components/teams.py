"""What the pages of teams share."""

import reflex as rx

from pequeroku_ui.components.forms import field


def team_fields(name: rx.Var[str] | str, description: rx.Var[str] | str) -> rx.Component:
    """The name and the description of a team, for a form."""
    return rx.fragment(
        field("Name", "name", default_value=name, required=True, max_length=64),
        field("Description", "description", default_value=description, is_optional=True, max_length=300),
    )
