"""Sharing a container: the dialog, and the chips that say whose it is and with whom it is shared."""

import reflex as rx

from pequeroku_ui.components.buttons import icon_button
from pequeroku_ui.components.cards import role_cards
from pequeroku_ui.components.dialogs import closing, dialog, dialog_end
from pequeroku_ui.components.forms import field, labelled
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state.rows import Row
from pequeroku_ui.state.sharing import ShareRow, SharingState


def sharing_chips(row: Row) -> rx.Component:
    """“Shared by ann · Operator” on somebody else's, “Shared with Ops” on mine."""
    return rx.fragment(
        rx.cond(
            row.owner != "",
            rx.el.span(
                rx.icon("user-round", size=14, aria_hidden="true"),
                rx.el.span(rx.cond(row.role == "Administrator", "Owned by", "Shared by"), class_name="pq-chip-words"),
                rx.el.b(row.owner),
                rx.el.span(row.role, class_name="pq-tag"),
                class_name="pq-chip",
                custom_attrs={"data-chip": "shared-by"},
            ),
        ),
        rx.cond(
            row.shared_with != "",
            rx.el.span(
                rx.icon("users", size=14, aria_hidden="true"),
                rx.el.span("Shared with", class_name="pq-chip-words"),
                rx.el.b(row.shared_with),
                class_name="pq-chip",
                custom_attrs={"data-chip": "shared-with"},
            ),
        ),
    )


def share_dialog() -> rx.Component:
    """One for the page: with whom it is shared, what each role may do, and whose credits it takes."""
    payer, is_mine = SharingState.payer, SharingState.payer == ""
    return dialog(
        f"Share “{SharingState.shared_name}”",
        rx.fragment(
            "It stays ",
            rx.cond(is_mine, "yours", f"{payer}’s"),
            ": whoever starts it, it takes ",
            rx.cond(is_mine, "your", "their"),
            " credits, and only ",
            rx.cond(is_mine, "you", payer),
            " can delete it.",
        ),
        _shares(),
        _form(),
        max_width="42rem",
        open=SharingState.is_sharing,
        on_open_change=SharingState.close,
    )


def _shares() -> rx.Component:
    shares = rx.foreach(SharingState.shares, _share)
    return rx.cond(
        SharingState.shares.length() > 0,
        rx.el.ul(shares, class_name="pq-people", role="list", aria_label="Shared with"),
    )


def _share(each: ShareRow) -> rx.Component:
    return rx.el.li(
        rx.cond(
            each.is_team,
            rx.icon("users", size=20, aria_hidden="true"),
            rx.icon("user-round", size=20, aria_hidden="true"),
        ),
        rx.el.p(rx.el.b(each.name), rx.el.span(each.who, class_name="pq-quiet")),
        rx.el.select(
            rx.foreach(SharingState.roles, lambda role: rx.el.option(role.label, value=role.value)),
            value=each.role,
            on_change=lambda value: SharingState.change(each.id, value),
            aria_label="What " + each.name + " may do",
            class_name="pq-input pq-select",
        ),
        icon_button("x", "End", name="End sharing with " + each.name, on_click=SharingState.end(each.id)),
        key=each.id.to_string(),
        custom_attrs={"data-shared-with": each.name},
    )


def _form() -> rx.Component:
    return rx.form(
        _target(),
        role_cards(SharingState.roles, "viewer"),
        problem(SharingState.problem),
        dialog_end(closing("Close"), rx.button("Share", type="submit", size="3")),
        on_submit=SharingState.share,
        key=SharingState.forms.to_string(),
        class_name="pq-form",
    )


def _target() -> rx.Component:
    """One of my teams, or a person by name."""
    targets = rx.el.select(
        rx.el.option("A person", value=""),
        rx.foreach(SharingState.targets, lambda each: rx.el.option(each.label, value=each.value)),
        value=SharingState.target,
        on_change=SharingState.choose,
        aria_label="With whom",
        class_name="pq-input",
    )
    return rx.el.div(
        labelled("With", targets),
        rx.cond(SharingState.target == "", field("User name", "username", required=True, max_length=64)),
        class_name="pq-fields",
    )
