"""My account: my data, and leaving."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.forms import field, password_field
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.native import native_link
from pequeroku_ui.components.notes import note, problem
from pequeroku_ui.state.farewell import FarewellState


def page() -> rx.Component:
    """Export, and delete."""
    return account_page(FarewellState.load, _export(), _delete())


def _export() -> rx.Component:
    return section(
        "Take your data along",
        "export",
        native_link(
            rx.icon("download", size=16, aria_hidden="true"),
            "Download my data",
            href="/api/account/export",
            custom_attrs={"download": True},  # no navigation: a page that is being left hears no more clicks
            class_name="pq-button-link",
        ),
        lead="One file with everything that is kept about you, as JSON. Files inside your machines are not in it: "
        "fetch those from the machines.",
    )


def _delete() -> rx.Component:
    return section(
        "Delete your account",
        "delete",
        note(
            "bad",
            "triangle-alert",
            "Your containers are deleted with their disks, then your account and all that is yours. "
            "There is no way back.",
        ),
        rx.form(
            rx.cond(
                FarewellState.has_password,
                password_field("Your password", "proof", "current-password"),
                field("Type your user name to go on", "proof", required=True),
            ),
            problem(FarewellState.problem),
            rx.el.div(
                rx.button(
                    rx.icon("trash-2", size=16, aria_hidden="true"),
                    "Delete my account",
                    type="submit",
                    color_scheme="red",
                    size="3",
                )
            ),
            on_submit=FarewellState.delete,
            class_name="pq-form",
        ),
        lead="Teams that you own go first: hand them over, or delete them.",
    )
