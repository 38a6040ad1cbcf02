"""Inviting into a team, on its page: by a link that is shown once, or by e-mail where there is a mail server."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.errors import Unavailable
from backend.rules.deeds import TEAM_ROLE_NAMES
from backend.rules.policy import TeamRole
from backend.services import invitations
from backend.services.invitations import InvitationView, Invited
from pequeroku_ui.state.base import AppState, as_id, words_of


@dataclass(frozen=True)
class InvitationRow:
    """An invitation of mine that nobody has used yet."""

    id: int
    who: str
    role: str
    expires_at: str


class InvitingState(AppState):
    """My open invitations into the team of the page, and the newest one's link."""

    invitations: list[InvitationRow] = []
    link: str = ""
    """Shown once, and kept nowhere."""
    sent: str = ""
    """What became of the newest one."""
    problem: str = ""
    forms: int = 0
    """Counts up when the form has done its work, so that it is drawn anew and empty."""

    @rx.event
    async def load(self) -> None:
        """The team's page was opened."""
        self.link = self.sent = self.problem = ""
        await self._list()

    @rx.event
    async def invite(self, form: dict[str, Any]) -> None:
        """Invite somebody, or say by the form why not."""
        self.link = self.sent = ""
        with self._refusable():
            await self._show_made(await self._make(**words_of(form, "email", "role")))

    @rx.event
    async def forget_link(self) -> None:
        """It was passed on."""
        self.link = self.sent = ""

    @rx.event
    async def revoke(self, invitation_id: int) -> None:
        """Take an invitation back."""
        async with self._act() as (tx, actor):
            await invitations.revoke_invitation(tx, actor, as_id(invitation_id))
        await self._list()

    async def _make(self, email: str, role: str) -> Invited:
        async with self._act() as (tx, actor):
            return await invitations.invite(tx, actor, email=email, team_id=as_id(self._address_end()), role=role)

    async def _show_made(self, made: Invited) -> None:
        try:
            was_sent = await invitations.deliver(made)
            self.sent = f"It is on its way to {made.email}." if was_sent else "Pass this link on: it is good once."
        except Unavailable as fault:
            was_sent, self.sent = False, f"{fault.message} Pass the link on yourself."
        self.link = "" if was_sent else made.link
        self.forms += 1
        await self._list()

    async def _list(self) -> None:
        async with self._look() as (tx, actor):
            views = await invitations.list_invitations(tx, actor, team_id=as_id(self._address_end()))
        self.invitations = [_row(each) for each in views]


def _row(view: InvitationView) -> InvitationRow:
    return InvitationRow(
        id=view.id,
        who=view.email or "Whoever has the link",
        role=TEAM_ROLE_NAMES[TeamRole(view.role)],
        expires_at=view.expires_at.isoformat(),
    )
