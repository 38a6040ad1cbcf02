"""My teams."""

import reflex as rx

from pequeroku_ui.components.layout import page as framed
from pequeroku_ui.components.layout import trouble
from pequeroku_ui.state.teams import TeamRow, TeamsState


def page() -> rx.Component:
    """The teams I am in, and a dialog to make one."""
    return framed(
        _head(),
        rx.cond(
            TeamsState.trouble != "",
            trouble(TeamsState.load),
            rx.cond(
                TeamsState.ready,
                rx.cond(TeamsState.teams.length() > 0, _cards(), _empty()),
                _skeleton(),
            ),
        ),
        _maker(),
    )


def _head() -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.el.h1("Teams"), rx.el.p(TeamsState.summary, class_name="pq-quiet", role="status")),
        rx.button(
            rx.icon("plus", size=18, aria_hidden="true"),
            "New team",
            size="3",
            on_click=TeamsState.show_maker(True),
            disabled=~rx.State.is_hydrated,
            id="new-team",
        ),
        class_name="pq-head",
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
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title("New team"),
            rx.dialog.description("People you share containers with. You own it and decide who is in it."),
            rx.form(
                team_fields("", ""),
                rx.cond(TeamsState.problem != "", problem(TeamsState.problem)),
                rx.el.div(
                    rx.dialog.close(rx.button("Cancel", type="button", variant="soft", color_scheme="gray", size="3")),
                    rx.button("Create", type="submit", size="3"),
                    class_name="pq-dialog-end",
                ),
                on_submit=TeamsState.make,
                class_name="pq-form",
            ),
            max_width="32rem",
        ),
        open=TeamsState.is_making,
        on_open_change=TeamsState.show_maker,
    )


def team_fields(name: rx.Var[str] | str, description: rx.Var[str] | str) -> rx.Component:
    """The name and the description of a team, for a form."""
    return rx.fragment(
        rx.el.label(
            rx.el.span("Name"),
            rx.el.input(
                name="name",
                default_value=name,
                required=True,
                max_length=64,
                auto_complete="off",
                class_name="pq-input",
            ),
            class_name="pq-field",
        ),
        rx.el.label(
            rx.el.span("Description ", rx.el.span("(optional)", class_name="pq-quiet")),
            rx.el.input(
                name="description",
                default_value=description,
                max_length=300,
                auto_complete="off",
                class_name="pq-input",
            ),
            class_name="pq-field",
        ),
    )


def problem(sentence: rx.Var[str]) -> rx.Component:
    """Why a form was refused."""
    return rx.el.p(
        rx.icon("circle-alert", size=18, aria_hidden="true"),
        rx.el.span(sentence),
        role="alert",
        class_name="pq-note",
        custom_attrs={"data-tone": "bad"},
    )


def _empty() -> rx.Component:
    return rx.el.div(
        rx.el.div(rx.icon("users", size=36, aria_hidden="true"), class_name="pq-ring"),
        rx.el.h2("Work on the same machines"),
        rx.el.p("Put people into a team, share containers with it, and say what they may do there."),
        rx.button(
            rx.icon("plus", size=18, aria_hidden="true"),
            "Create a team",
            size="3",
            on_click=TeamsState.show_maker(True),
        ),
        class_name="pq-panel pq-blank",
    )


def _skeleton() -> rx.Component:
    card = rx.el.div(
        rx.el.div(class_name="pq-bone pq-bone-title"),
        rx.el.div(class_name="pq-bone"),
        rx.el.div(class_name="pq-bone pq-bone-short"),
        class_name="pq-panel pq-card pq-team-card",
    )
    return rx.el.div(
        card, card, class_name="pq-cards", role="status", aria_busy="true", aria_label="Loading your teams"
    )
