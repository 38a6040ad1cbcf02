"""My account: invitations."""

import reflex as rx

from pequeroku_ui.components.account import account_page
from pequeroku_ui.components.buttons import quiet_button
from pequeroku_ui.components.dialogs import question
from pequeroku_ui.components.forms import choice, field, labelled, shown_once
from pequeroku_ui.components.layout import section
from pequeroku_ui.components.moments import until
from pequeroku_ui.components.notes import note, problem
from pequeroku_ui.state.invitations import InvitationRow, InvitationsState, TeamChoice


def page() -> rx.Component:
    """Make one, and see which are open."""
    return account_page(InvitationsState.load, _make(), _open())


def _make() -> rx.Component:
    may = InvitationsState.is_admin | (InvitationsState.teams.length() > 0)
    return section(
        "Invite somebody",
        "invite",
        rx.cond(
            InvitationsState.link != "",
            shown_once(
                "The link",
                "It is good once, for seven days. It is shown this once: if no e-mail was sent, pass it on yourself.",
                InvitationsState.link,
                InvitationsState.put_away,
            ),
            rx.cond(may, _form(), note("off", "info", "You can invite people into teams whose admin you are.")),
        ),
        problem(InvitationsState.problem),
        lead="A link lets its holder join a team, and make an account where sign-up is by invitation.",
    )


def _form() -> rx.Component:
    teams = rx.el.select(
        rx.cond(InvitationsState.is_admin, rx.el.option("No team, only an account", value="")),
        rx.foreach(InvitationsState.teams, _team),
        name="team",
        class_name="pq-input",
    )
    return rx.form(
        field("E-mail", "email", type="email", is_optional=True, max_length=254),
        labelled("Into", teams),
        choice("As", "role", ("member", "Member"), ("admin", "Admin of the team")),
        rx.el.div(rx.button("Make an invitation", type="submit", size="3")),
        on_submit=InvitationsState.invite,
        key=InvitationsState.forms.to_string(),
        class_name="pq-form",
    )


def _team(each: TeamChoice) -> rx.Component:
    return rx.el.option(each.name, value=each.id)


def _open() -> rx.Component:
    return section(
        "Open invitations",
        "open",
        rx.cond(
            InvitationsState.open_ones.length() > 0,
            rx.el.ul(rx.foreach(InvitationsState.open_ones, _row), class_name="pq-sessions", role="list"),
            rx.el.p("None of yours is open.", class_name="pq-quiet"),
        ),
    )


def _row(each: InvitationRow) -> rx.Component:
    return rx.el.li(
        rx.icon("mail", size=20, aria_hidden="true"),
        rx.el.div(
            rx.el.p(rx.el.b(each.what)),
            rx.el.p(
                rx.cond(each.email != "", rx.el.span(each.email, " · ")),
                "expires ",
                until(at=each.expires_at),
                class_name="pq-quiet",
            ),
        ),
        question(
            "Take this invitation back?",
            "Its link opens nothing any more.",
            "Take it back",
            InvitationsState.revoke(each.id),
            trigger=quiet_button("Take back", size="2", aria_label="Take back the invitation: " + each.what),
        ),
        key=each.id.to_string(),
    )
