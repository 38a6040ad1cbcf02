"""The account's invitations: links for people who are not here yet."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.rules.policy import Action
from backend.services import invitations, team_views
from backend.services.invitations import InvitationView, Invited
from pequeroku_ui.state.base import AppState, as_id


@dataclass(frozen=True)
class InvitationRow:
    """An open invitation, in words."""

    id: int
    what: str
    email: str
    expires_at: str


@dataclass(frozen=True)
class TeamChoice:
    """A team that the person may invite into."""

    id: str
    name: str


class InvitationsState(AppState):
    """What may be invited to, what is open, and a new link for the one time it is shown."""

    teams: list[TeamChoice] = []
    open_ones: list[InvitationRow] = []
    link: str = ""
    problem: str = ""
    forms: int = 0
    """Counts up when the form has done its work, so that it is drawn anew and empty."""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        self.link = self.problem = ""
        with self._loading():
            await self._enter("")
            await self._read()

    @rx.event
    async def invite(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Make a link, send or show it; or say by the form why not."""
        with self._refusable():
            was_sent = await invitations.deliver(await self._make(form))
            return rx.toast.success("The invitation is on its way.") if was_sent else None
        return None

    @rx.event
    async def put_away(self) -> None:
        """The link was kept."""
        self.link = ""

    @rx.event
    async def revoke(self, invitation_id: int) -> rx.event.EventSpec:
        """Take an invitation back."""
        async with self._act() as (tx, actor):
            await invitations.revoke_invitation(tx, actor, as_id(invitation_id))
        await self._read()
        return rx.toast.success("That link opens nothing any more.")

    async def _make(self, form: dict[str, Any]) -> Invited:
        team_id, role = as_id(form.get("team")) or None, str(form.get("role", "member"))
        async with self._act() as (tx, actor):
            made = await invitations.invite(
                tx, actor, email=str(form.get("email", "")), team_id=team_id, role=role if team_id else "member"
            )
        self.link, self.forms = made.link, self.forms + 1
        await self._read()
        return made

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            mine = await team_views.list_teams(tx, actor)
            self.open_ones = [_row(each) for each in await invitations.list_invitations(tx, actor)]
        self.teams = [TeamChoice(str(each.id), each.name) for each in mine if Action.INVITATION_CREATE in each.allowed]


def _row(view: InvitationView) -> InvitationRow:
    what = f"Into the team {view.team_name} as {view.role}" if view.team_name else "To make an account"
    return InvitationRow(view.id, what, view.email, view.expires_at.isoformat())
