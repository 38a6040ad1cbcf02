"""Inviting into a team: the form, the link that is shown once, and what is open."""

import reflex as rx

from pequeroku_ui.components.moments import until
from pequeroku_ui.state.inviting import InvitationRow, InvitingState


def inviter() -> rx.Component:
    """For who has no account yet, or whose name one does not know."""
    return rx.fragment(
        rx.form(
            rx.el.h3("Invite by link or e-mail", class_name="pq-legend"),
            rx.el.div(
                rx.el.label(
                    rx.el.span("E-mail ", rx.el.span("(optional)", class_name="pq-quiet")),
                    rx.el.input(type="email", name="email", max_length=254, auto_complete="off", class_name="pq-input"),
                    class_name="pq-field",
                ),
                role_field("Invited as what"),
                rx.button("Invite", type="submit", size="3", variant="soft", color_scheme="gray"),
                class_name="pq-fields",
            ),
            rx.cond(InvitingState.problem != "", _problem()),
            on_submit=InvitingState.invite,
            key=InvitingState.forms.to_string(),
            class_name="pq-form pq-adder",
        ),
        rx.cond(InvitingState.sent != "", _made()),
        rx.el.ul(
            rx.foreach(InvitingState.invitations, _open), class_name="pq-people", role="list", aria_label="Invited"
        ),
    )


def role_field(label: str) -> rx.Component:
    """Member or admin, for a form."""
    return rx.el.label(
        rx.el.span("As"),
        rx.el.select(
            rx.el.option("Member", value="member"),
            rx.el.option("Admin", value="admin"),
            name="role",
            default_value="member",
            aria_label=label,
            class_name="pq-input pq-select",
        ),
        class_name="pq-field",
    )


def _problem() -> rx.Component:
    return rx.el.p(
        rx.icon("circle-alert", size=18, aria_hidden="true"),
        rx.el.span(InvitingState.problem),
        role="alert",
        class_name="pq-note",
        custom_attrs={"data-tone": "bad"},
    )


def _made() -> rx.Component:
    return rx.el.div(
        rx.el.p(InvitingState.sent, role="status"),
        rx.cond(
            InvitingState.link != "",
            rx.el.div(
                rx.el.input(
                    value=InvitingState.link, read_only=True, aria_label="Invitation link", class_name="pq-input"
                ),
                rx.button(
                    rx.icon("copy", size=16, aria_hidden="true"),
                    "Copy",
                    on_click=rx.set_clipboard(InvitingState.link),
                    size="3",
                ),
                rx.button("Done", on_click=InvitingState.forget_link, variant="soft", color_scheme="gray", size="3"),
                class_name="pq-fields pq-link",
            ),
        ),
        class_name="pq-form",
    )


def _open(each: InvitationRow) -> rx.Component:
    return rx.el.li(
        rx.icon("mail", size=20, aria_hidden="true"),
        rx.el.p(rx.el.b(each.who), rx.el.span("good for ", until(at=each.expires_at), class_name="pq-quiet")),
        rx.el.span(each.role, class_name="pq-role"),
        rx.el.button(
            rx.icon("x", size=16, aria_hidden="true"),
            type="button",
            on_click=InvitingState.revoke(each.id),
            aria_label="Take back the invitation of " + each.who,
            title="Take back",
            class_name="pq-icon-button",
        ),
        key=each.id.to_string(),
    )
