"""The teams I am in, and a dialog to make one."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.db import reading
from backend.rules.deeds import TEAM_ROLE_NAMES
from backend.rules.policy import Action, Actor
from backend.services import team_views, teams
from backend.services.views import TeamView
from pequeroku_ui.state.base import AppState, words_of
from pequeroku_ui.state.watching import TEAMS
from pequeroku_ui.state.wording import count


@dataclass(frozen=True)
class TeamRow:
    """A team, in words."""

    id: int
    key: str
    name: str
    description: str
    owner: str
    people: str
    role: str
    """Owner, Admin or Member."""
    is_active: bool
    can_edit: bool
    can_invite: bool
    can_own: bool
    can_leave: bool


class TeamsState(AppState):
    """The list."""

    teams: list[TeamRow] = []
    summary: str = ""
    is_making: bool = False
    problem: str = ""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        self.is_making = False
        with self._loading():
            await self._enter(TEAMS)
            async with self._look() as (tx, actor):
                self._show(await team_views.list_teams(tx, actor))

    @rx.event
    async def show_maker(self, is_open: bool) -> None:
        """Open or close the dialog."""
        self.problem, self.is_making = "", bool(is_open)

    @rx.event
    async def make(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Make a team and go to its page, or say in the dialog why not."""
        with self._refusable():
            async with self._act() as (tx, actor):
                made = await teams.create_team(tx, actor, **words_of(form, "name", "description"))
            self.is_making = False
            return rx.redirect(f"/teams/{made.id}")
        return None

    async def _renew(self, actor: Actor) -> None:
        async with reading() as tx:
            self._show(await team_views.list_teams(tx, actor))

    def _show(self, views: list[TeamView]) -> None:
        self.teams = [team_row(each) for each in views]
        self.summary = count(len(views), "team") if views else "None yet"


def team_row(view: TeamView) -> TeamRow:
    """A team for the pages."""
    owns = Action.TEAM_HAND_OVER in view.allowed
    return TeamRow(
        id=view.id,
        key=str(view.id),
        name=view.name,
        description=view.description,
        owner=view.owner,
        people=count(view.people, "person", "people"),
        role="Owner" if owns and view.role else TEAM_ROLE_NAMES[view.role] if view.role else "",
        is_active=view.active,
        can_edit=Action.TEAM_UPDATE in view.allowed,
        can_invite=Action.TEAM_ADD_MEMBER in view.allowed and view.active,
        can_own=owns,
        can_leave=view.role is not None and not owns,
    )
