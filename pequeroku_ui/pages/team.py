"""One team: who is in it, what is shared with it, and what can be done about both."""

import reflex as rx

from pequeroku_ui.components.blanks import card_bones, content, missing
from pequeroku_ui.components.buttons import icon_button, quiet_button
from pequeroku_ui.components.dialogs import answers, form_dialog, question
from pequeroku_ui.components.forms import field
from pequeroku_ui.components.inviting import inviter, role_field
from pequeroku_ui.components.layout import back_link, framed, section
from pequeroku_ui.components.moments import ago
from pequeroku_ui.components.notes import note, problem
from pequeroku_ui.components.teams import team_fields
from pequeroku_ui.state.team import MemberRow, TeamShareRow, TeamState

_TEAM = TeamState.shown


def page() -> rx.Component:
    """Header, people, and what is shared."""
    return framed(
        content(
            TeamState.load,
            rx.cond(TeamState.is_missing, _missing(), _shown()),
            card_bones("Loading the team", count=2, grid="pq-sections"),
            is_ready=TeamState.is_missing | (_TEAM.id > 0),
        ),
        _question(),
        _editor(),
    )


def _shown() -> rx.Component:
    return rx.fragment(
        _head(),
        rx.cond(~_TEAM.is_active, _inactive()),
        rx.el.div(
            _people(),
            rx.el.div(_containers(), rx.cond(_TEAM.can_own, _ending()), class_name="pq-column"),
            class_name="pq-sections",
        ),
    )


def _head() -> rx.Component:
    return rx.el.div(
        back_link("All teams", "/teams"),
        rx.el.div(
            rx.el.h1(_TEAM.name),
            rx.cond(_TEAM.description != "", rx.el.p(_TEAM.description, class_name="pq-quiet")),
            class_name="pq-team-title",
        ),
        rx.el.div(
            rx.cond(_TEAM.can_edit, _head_button("pencil", "Edit", TeamState.edit(True))),
            rx.cond(_TEAM.can_leave, _head_button("log-out", "Leave", TeamState.ask("leave", 0))),
            class_name="pq-head-end",
        ),
        class_name="pq-head pq-team-head",
    )


def _head_button(icon: str, label: str, does: rx.event.EventType) -> rx.Component:
    return quiet_button(rx.icon(icon, size=16, aria_hidden="true"), label, size="2", on_click=does)


def _inactive() -> rx.Component:
    return rx.el.div(
        note(
            "warn",
            "moon",
            "This team is not active: nobody but you is in it. When it is active again, you bring each of them "
            "back yourself.",
        ),
        rx.button("Make it active again", on_click=TeamState.activate, size="2"),
        class_name="pq-team-inactive",
    )


def _people() -> rx.Component:
    return section(
        "People",
        "people",
        rx.el.ul(rx.foreach(TeamState.members, _member), class_name="pq-people", role="list"),
        rx.cond(_TEAM.can_invite, rx.fragment(_adder(), inviter())),
        lead=rx.fragment(_TEAM.people, " · owned by ", rx.el.b(_TEAM.owner)),
    )


def _member(each: MemberRow) -> rx.Component:
    return rx.el.li(
        rx.cond(
            each.is_owner,
            rx.icon("crown", size=20, aria_hidden="true"),
            rx.icon("user-round", size=20, aria_hidden="true"),
        ),
        rx.el.p(
            rx.el.b(each.name),
            rx.cond(each.is_me, rx.el.span("you", class_name="pq-tag")),
            rx.cond(~each.is_active, rx.el.span("inactive", class_name="pq-tag")),
            rx.el.span("since ", ago(at=each.since), class_name="pq-quiet"),
        ),
        rx.cond(
            _TEAM.can_edit & each.is_active & ~each.is_owner,
            rx.el.select(
                rx.el.option("Member", value="member"),
                rx.el.option("Admin", value="admin"),
                value=each.role,
                on_change=lambda value: TeamState.change_role(each.id, value),
                aria_label="Role of " + each.name,
                class_name="pq-input pq-select",
            ),
            rx.el.span(each.role_name, class_name="pq-role"),
        ),
        _member_actions(each),
        key=each.id.to_string(),
        custom_attrs={"data-member": each.name},
    )


def _member_actions(each: MemberRow) -> rx.Component:
    return rx.el.div(
        rx.cond(
            _TEAM.can_invite & ~each.is_active,
            quiet_button("Bring back", size="2", on_click=TeamState.bring_back(each.id)),
        ),
        rx.cond(
            _TEAM.can_own & each.is_active & ~each.is_owner,
            _action("crown", "Hand over to", each, TeamState.ask("hand-over", each.id)),
        ),
        rx.cond(_TEAM.can_edit & ~each.is_owner, _action("x", "Remove", each, TeamState.ask("remove", each.id))),
        class_name="pq-icons",
    )


def _action(icon: str, label: str, each: MemberRow, does: rx.event.EventType) -> rx.Component:
    return icon_button(icon, label, name=f"{label} {each.name}", on_click=does)


def _adder() -> rx.Component:
    return rx.form(
        rx.el.h3("Add somebody who has an account", class_name="pq-legend"),
        rx.el.div(
            field("User name", "username", required=True, max_length=64),
            role_field("As what"),
            rx.button("Add", type="submit", size="3"),
            class_name="pq-fields",
        ),
        problem(TeamState.problem),
        on_submit=TeamState.add,
        key=TeamState.forms.to_string(),
        class_name="pq-form pq-adder",
    )


def _containers() -> rx.Component:
    return section(
        "Shared with the team",
        "shared",
        rx.cond(
            TeamState.shares.length() > 0,
            rx.el.ul(rx.foreach(TeamState.shares, _shared), class_name="pq-people", role="list"),
            rx.el.p(
                "Nothing yet. Whoever has a container shares it from its own page.",
                class_name="pq-quiet pq-team-words",
            ),
        ),
    )


def _shared(each: TeamShareRow) -> rx.Component:
    return rx.el.li(
        rx.icon("box", size=20, aria_hidden="true"),
        rx.el.p(
            rx.link(each.name, href="/containers/" + each.key, underline="hover"),
            rx.el.span(each.owner, "’s", class_name="pq-quiet"),
        ),
        rx.el.span(each.role, class_name="pq-role"),
        key=each.key,
    )


def _ending() -> rx.Component:
    return section(
        "The end of it",
        "ending",
        rx.el.p(
            "An inactive team keeps its people and its shares, but nobody sees anything through it. "
            "A deleted one is gone.",
            class_name="pq-quiet pq-team-words",
        ),
        rx.el.div(
            rx.cond(
                _TEAM.is_active,
                quiet_button("Make inactive", size="2", on_click=TeamState.ask("deactivate", 0)),
            ),
            rx.button("Delete team", on_click=TeamState.ask("delete", 0), variant="soft", color_scheme="red", size="2"),
            class_name="pq-team-ending",
        ),
    )


def _question() -> rx.Component:
    return question(
        TeamState.question,
        TeamState.question_text,
        TeamState.question_answer,
        TeamState.confirm,
        decline="Cancel",
        open=TeamState.is_asking,
        on_open_change=TeamState.answer,
    )


def _editor() -> rx.Component:
    return form_dialog(
        "Edit team",
        "Everybody in it sees its name and description.",
        team_fields(_TEAM.name, _TEAM.description),
        problem(TeamState.edit_problem),
        end=answers("Save"),
        on_submit=TeamState.save,
        open=TeamState.is_editing,
        on_open_change=TeamState.edit,
    )


def _missing() -> rx.Component:
    return missing("No such team", "It does not exist, was deleted, or you are not in it.", "All teams", "/teams")
