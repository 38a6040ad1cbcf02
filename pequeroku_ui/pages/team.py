"""One team: who is in it, what is shared with it, and what can be done about both."""

import reflex as rx

from pequeroku_ui.components.inviting import inviter, role_field
from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.components.layout import trouble
from pequeroku_ui.components.moments import ago
from pequeroku_ui.pages.teams import problem, team_fields
from pequeroku_ui.state.team import MemberRow, TeamShareRow, TeamState

_TEAM = TeamState.shown


def page() -> rx.Component:
    """Header, people, and what is shared."""
    return framed(
        rx.cond(
            TeamState.trouble != "",
            trouble(TeamState.load),
            rx.cond(TeamState.is_missing, _missing(), rx.cond(_TEAM.id > 0, _shown(), _skeleton())),
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
        rx.link(
            rx.icon("arrow-left", size=18, aria_hidden="true"),
            href="/teams",
            aria_label="All teams",
            title="All teams",
            class_name="pq-back",
        ),
        rx.el.div(
            rx.el.h1(_TEAM.name),
            rx.cond(_TEAM.description != "", rx.el.p(_TEAM.description, class_name="pq-quiet")),
            class_name="pq-team-title",
        ),
        rx.el.div(
            rx.cond(_TEAM.can_edit, _quiet_button("pencil", "Edit", TeamState.edit(True))),
            rx.cond(_TEAM.can_leave, _quiet_button("log-out", "Leave", TeamState.ask("leave", 0))),
            class_name="pq-head-end",
        ),
        class_name="pq-head pq-team-head",
    )


def _quiet_button(icon: str, label: str, does: rx.event.EventType) -> rx.Component:
    return rx.button(
        rx.icon(icon, size=16, aria_hidden="true"), label, on_click=does, variant="soft", color_scheme="gray", size="2"
    )


def _inactive() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            rx.icon("moon", size=18, aria_hidden="true"),
            rx.el.span(
                "This team is not active: nobody but you is in it. When it is active again, you bring each of them "
                "back yourself."
            ),
            class_name="pq-note",
            custom_attrs={"data-tone": "warn"},
        ),
        rx.button("Make it active again", on_click=TeamState.activate, size="2"),
        class_name="pq-team-inactive",
    )


def _people() -> rx.Component:
    return rx.el.section(
        rx.el.h2("People", id="people"),
        rx.el.p(_TEAM.people, " · owned by ", rx.el.b(_TEAM.owner), class_name="pq-quiet"),
        rx.el.ul(rx.foreach(TeamState.members, _member), class_name="pq-people", role="list"),
        rx.cond(_TEAM.can_invite, rx.fragment(_adder(), inviter())),
        class_name="pq-panel pq-section",
        aria_labelledby="people",
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
            rx.button(
                "Bring back", on_click=TeamState.bring_back(each.id), variant="soft", color_scheme="gray", size="2"
            ),
        ),
        rx.cond(
            _TEAM.can_own & each.is_active & ~each.is_owner,
            _action("crown", "Hand over to", each, TeamState.ask("hand-over", each.id)),
        ),
        rx.cond(_TEAM.can_edit & ~each.is_owner, _action("x", "Remove", each, TeamState.ask("remove", each.id))),
        class_name="pq-icons",
    )


def _action(icon: str, label: str, each: MemberRow, does: rx.event.EventType) -> rx.Component:
    return rx.el.button(
        rx.icon(icon, size=16, aria_hidden="true"),
        type="button",
        on_click=does,
        aria_label=f"{label} {each.name}",
        title=label,
        class_name="pq-icon-button",
    )


def _adder() -> rx.Component:
    return rx.form(
        rx.el.h3("Add somebody who has an account", class_name="pq-legend"),
        rx.el.div(
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
            role_field("As what"),
            rx.button("Add", type="submit", size="3"),
            class_name="pq-fields",
        ),
        rx.cond(TeamState.problem != "", problem(TeamState.problem)),
        on_submit=TeamState.add,
        key=TeamState.forms.to_string(),
        class_name="pq-form pq-adder",
    )


def _containers() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Shared with the team", id="shared"),
        rx.cond(
            TeamState.shares.length() > 0,
            rx.el.ul(rx.foreach(TeamState.shares, _shared), class_name="pq-people", role="list"),
            rx.el.p(
                "Nothing yet. Whoever has a container shares it from its own page.",
                class_name="pq-quiet pq-team-words",
            ),
        ),
        class_name="pq-panel pq-section",
        aria_labelledby="shared",
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
    return rx.el.section(
        rx.el.h2("The end of it", id="ending"),
        rx.el.p(
            "An inactive team keeps its people and its shares, but nobody sees anything through it. "
            "A deleted one is gone.",
            class_name="pq-quiet pq-team-words",
        ),
        rx.el.div(
            rx.cond(
                _TEAM.is_active,
                rx.button(
                    "Make inactive",
                    on_click=TeamState.ask("deactivate", 0),
                    variant="soft",
                    color_scheme="gray",
                    size="2",
                ),
            ),
            rx.button("Delete team", on_click=TeamState.ask("delete", 0), variant="soft", color_scheme="red", size="2"),
            class_name="pq-team-ending",
        ),
        class_name="pq-panel pq-section",
        aria_labelledby="ending",
    )


def _question() -> rx.Component:
    return rx.alert_dialog.root(
        rx.alert_dialog.content(
            rx.alert_dialog.title(TeamState.question),
            rx.alert_dialog.description(TeamState.question_text),
            rx.el.div(
                rx.alert_dialog.cancel(rx.button("Cancel", variant="soft", color_scheme="gray", size="3")),
                rx.alert_dialog.action(
                    rx.button(TeamState.question_answer, color_scheme="red", size="3", on_click=TeamState.confirm)
                ),
                class_name="pq-dialog-end",
            ),
            max_width="30rem",
        ),
        open=TeamState.is_asking,
        on_open_change=TeamState.answer,
    )


def _editor() -> rx.Component:
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("Edit team"),
            rx.dialog.description("Everybody in it sees its name and description."),
            rx.form(
                team_fields(_TEAM.name, _TEAM.description),
                rx.cond(TeamState.edit_problem != "", problem(TeamState.edit_problem)),
                rx.el.div(
                    rx.dialog.close(rx.button("Cancel", type="button", variant="soft", color_scheme="gray", size="3")),
                    rx.button("Save", type="submit", size="3"),
                    class_name="pq-dialog-end",
                ),
                on_submit=TeamState.save,
                class_name="pq-form",
            ),
            max_width="32rem",
        ),
        open=TeamState.is_editing,
        on_open_change=TeamState.edit,
    )


def _missing() -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.icon("ghost", size=32, aria_hidden="true"), class_name="pq-ring"),
        rx.el.h1("No such team"),
        rx.el.p("It does not exist, was deleted, or you are not in it."),
        rx.link("All teams", href="/teams", class_name="pq-button-link", underline="none"),
        class_name="pq-panel pq-blank",
    )


def _skeleton() -> rx.Component:
    panel = rx.el.div(
        rx.el.div(class_name="pq-bone pq-bone-title"),
        rx.el.div(class_name="pq-bone"),
        rx.el.div(class_name="pq-bone pq-bone-short"),
        class_name="pq-panel pq-card",
    )
    return rx.el.div(
        panel, panel, class_name="pq-sections", role="status", aria_busy="true", aria_label="Loading the team"
    )
