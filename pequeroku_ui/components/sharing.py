"""Sharing a container: the dialog, and the chips that say whose it is and with whom it is shared."""

import reflex as rx

from pequeroku_ui.state.rows import Row
from pequeroku_ui.state.sharing import RoleRow, ShareRow, SharingState


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
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("Share “", SharingState.shared_name, "”"),
            rx.dialog.description(
                "It stays ",
                rx.cond(SharingState.payer != "", SharingState.payer + "’s", "yours"),
                ": whoever starts it, it takes ",
                rx.cond(SharingState.payer != "", "their", "your"),
                " credits, and only ",
                rx.cond(SharingState.payer != "", SharingState.payer, "you"),
                " can delete it.",
            ),
            _shares(),
            _form(),
            max_width="42rem",
        ),
        open=SharingState.is_sharing,
        on_open_change=SharingState.close,
    )


def role_cards(roles: rx.Var[list[RoleRow]], first: str) -> rx.Component:
    """Roles to choose from, each with all that it may do."""
    return rx.el.fieldset(
        rx.el.legend("What they may do", class_name="pq-legend"),
        rx.foreach(roles, lambda each: _role_card(each, first)),
        class_name="pq-types",
    )


def _role_card(each: RoleRow, first: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="radio", name="role", value=each.value, default_checked=each.value == first, required=True),
        rx.el.span(rx.el.b(each.label, class_name="pq-type-name"), class_name="pq-type-head"),
        rx.el.ul(rx.foreach(each.deeds, lambda deed: rx.el.li(deed)), class_name="pq-deeds"),
        class_name="pq-type",
        custom_attrs={"data-role": each.value},
    )


def _shares() -> rx.Component:
    return rx.cond(
        SharingState.shares.length() > 0,
        rx.el.ul(
            rx.foreach(SharingState.shares, _share),
            class_name="pq-people",
            role="list",
            aria_label="Shared with",
        ),
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
        rx.el.button(
            rx.icon("x", size=16, aria_hidden="true"),
            type="button",
            on_click=SharingState.end(each.id),
            aria_label="End sharing with " + each.name,
            title="End",
            class_name="pq-icon-button",
        ),
        key=each.id.to_string(),
        custom_attrs={"data-shared-with": each.name},
    )


def _form() -> rx.Component:
    return rx.form(
        _target(),
        role_cards(SharingState.roles, "viewer"),
        rx.cond(
            SharingState.problem != "",
            rx.el.p(
                rx.icon("circle-alert", size=18, aria_hidden="true"),
                rx.el.span(SharingState.problem),
                role="alert",
                class_name="pq-note",
                custom_attrs={"data-tone": "bad"},
            ),
        ),
        rx.el.div(
            rx.dialog.close(rx.button("Close", type="button", variant="soft", color_scheme="gray", size="3")),
            rx.button("Share", type="submit", size="3"),
            class_name="pq-dialog-end",
        ),
        on_submit=SharingState.share,
        key=SharingState.forms.to_string(),
        class_name="pq-form",
    )


def _target() -> rx.Component:
    """One of my teams, or a person by name."""
    return rx.el.div(
        rx.el.label(
            rx.el.span("With"),
            rx.el.select(
                rx.el.option("A person", value=""),
                rx.foreach(SharingState.targets, lambda each: rx.el.option(each.label, value=each.value)),
                value=SharingState.target,
                on_change=SharingState.choose,
                aria_label="With whom",
                class_name="pq-input pq-select",
            ),
            class_name="pq-field",
        ),
        rx.cond(
            SharingState.target == "",
            rx.el.label(
                rx.el.span("User name"),
                rx.el.input(
                    name="username",
                    required=True,
                    max_length=64,
                    auto_complete="off",
                    spell_check=False,
                    class_name="pq-input",
                ),
                class_name="pq-field",
            ),
        ),
        class_name="pq-fields",
    )
