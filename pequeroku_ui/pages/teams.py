"""My teams."""

import reflex as rx

from pequeroku_ui.components.blanks import blank, card_bones, content
from pequeroku_ui.components.buttons import add_button
from pequeroku_ui.components.dialogs import answers, form_dialog
from pequeroku_ui.components.layout import framed, page_head
from pequeroku_ui.components.notes import problem
from pequeroku_ui.components.teams import team_fields
from pequeroku_ui.state.teams import TeamRow, TeamsState


def page() -> rx.Component:
    """The teams I am in, and a dialog to make one."""
    return framed(
        page_head(
            "Teams",
            TeamsState.summary,
            add_button("New team", TeamsState.show_maker(True), id="new-team"),
            is_live=True,
        ),
        content(
            TeamsState.load,
            rx.cond(TeamsState.teams.length() > 0, _cards(), _empty()),
            card_bones("Loading your teams", count=2, card="pq-card pq-team-card"),
        ),
        _maker(),
    )


def _cards() -> rx.Component:
    return rx.el.ul(rx.foreach(TeamsState.teams, _card), class_name="pq-cards", role="list")


def _card(row: TeamRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.h2(rx.link(row.name, href="/teams/" + row.key, underline="none", class_name="pq-card-link")),
            rx.cond(
                row.is_active, rx.el.span(row.role, class_name="pq-tag"), rx.el.span("Inactive", class_name="pq-tag")
            ),
            class_name="pq-card-head",
        ),
        rx.cond(row.description != "", rx.el.p(row.description, class_name="pq-team-words")),
        rx.el.p(
            rx.el.span(rx.icon("users", size=14, aria_hidden="true"), row.people),
            rx.el.span(rx.icon("crown", size=14, aria_hidden="true"), row.owner),
            class_name="pq-facts pq-facts-icons pq-team-facts",
        ),
        class_name="pq-panel pq-card pq-team-card",
        key=row.key,
        custom_attrs={"data-team": row.name},
    )


def _maker() -> rx.Component:
    return form_dialog(
        "New team",
        "People you share containers with. You own it and decide who is in it.",
        team_fields("", ""),
        problem(TeamsState.problem),
        end=answers("Create"),
        on_submit=TeamsState.make,
        open=TeamsState.is_making,
        on_open_change=TeamsState.show_maker,
    )


def _empty() -> rx.Component:
    return blank(
        "users",
        "Work on the same machines",
        rx.el.p("Put people into a team, share containers with it, and say what they may do there."),
        add_button("Create a team", TeamsState.show_maker(True)),
    )
