"""Inviting into a team: the form, the link that is shown once, and what is open."""

import reflex as rx

from pequeroku_ui.components.buttons import copy_button, icon_button, quiet_button
from pequeroku_ui.components.forms import choice, field
from pequeroku_ui.components.moments import until
from pequeroku_ui.components.notes import problem
from pequeroku_ui.state.inviting import InvitationRow, InvitingState


def inviter() -> rx.Component:
    """For who has no account yet, or whose name one does not know."""
    return rx.fragment(
        rx.form(
            rx.el.h3("Invite by link or e-mail", class_name="pq-legend"),
            rx.el.div(
                field("E-mail", "email", type="email", is_optional=True, max_length=254),
                role_field("Invited as what"),
                quiet_button("Invite", type="submit"),
                class_name="pq-fields",
            ),
            problem(InvitingState.problem),
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
    return choice("As", "role", ("member", "Member"), ("admin", "Admin"), default_value="member", aria_label=label)


def _made() -> rx.Component:
    link = InvitingState.link
    return rx.el.div(
        rx.el.p(InvitingState.sent, role="status"),
        rx.cond(
            link != "",
            rx.el.div(
                rx.el.input(value=link, read_only=True, aria_label="Invitation link", class_name="pq-input"),
                copy_button(link),
                quiet_button("Done", on_click=InvitingState.forget_link),
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
        icon_button(
            "x",
            "Take back",
            name="Take back the invitation of " + each.who,
            on_click=InvitingState.revoke(each.id),
        ),
        key=each.id.to_string(),
    )
