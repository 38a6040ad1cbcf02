"""What is shown while the server can't be reached."""

import reflex as rx
from reflex_components_core.core.banner import has_too_many_connection_errors


def connection_lost(stateful: bool) -> rx.Component | None:
    """Over every page that needs the server: what is seen may be old, and nothing has to be done about it."""
    return rx.fragment(_lost()) if stateful else None  # pages are put into the fragment, beside it


@rx.memo
def _lost() -> rx.Component:
    return rx.cond(
        has_too_many_connection_errors,
        rx.el.div(
            rx.icon("unplug", size=18, aria_hidden="true"),
            rx.el.span(
                rx.el.b("No connection to the server."),
                " What you see may be out of date. Trying again…",
            ),
            role="status",
            class_name="pq-note pq-lost",
            custom_attrs={"data-tone": "warn"},
        ),
    )
