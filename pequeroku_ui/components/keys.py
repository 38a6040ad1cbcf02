"""What makes an API key."""

import reflex as rx

from pequeroku_ui.components.forms import choice, field
from pequeroku_ui.components.notes import problem

_SCOPES = (
    ("read", "Read: look at containers"),
    ("exec", "Exec: also start, stop, make, delete, and use terminals"),
    ("admin", "Admin: everything you may do"),
)
_DAYS = (("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("0", "Never"))


def key_form(does: rx.event.EventType, why_not: rx.Var[str], forms: rx.Var[int], *, name: str = "") -> rx.Component:
    """`does` gets what was filled in. `forms` counts up when the form is to be empty again; `name`: what is offered."""
    return rx.form(
        field("Name", "name", required=True, max_length=100, placeholder="what it is for", default_value=name),
        choice("It may", "scope", *_SCOPES, default_value="exec"),
        choice("Expires after", "days", *_DAYS, default_value="90"),
        problem(why_not),
        rx.el.div(rx.button("Make a key", type="submit", size="3")),
        on_submit=does,
        key="api" + forms.to_string(),
        class_name="pq-form",
    )
