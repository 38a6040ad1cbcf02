"""The dialog that shares a container, from the dashboard and from its own page."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.rules.deeds import ROLE_NAMES, deeds_of
from backend.rules.policy import Role
from backend.services import containers, sharing, team_views
from backend.services.views import ContainerView, ShareView, TeamView
from pequeroku_ui.state.base import AppState, as_id, words_of
from pequeroku_ui.state.wording import count


@dataclass(frozen=True)
class ShareRow:
    """A team or a person, in words."""

    id: int
    name: str
    is_team: bool
    who: str
    role: str


@dataclass(frozen=True)
class RoleRow:
    """A role to choose, and all that it may do."""

    value: str
    label: str
    deeds: list[str]


@dataclass(frozen=True)
class TargetRow:
    """One of my teams, to share with."""

    value: str
    label: str


class SharingState(AppState):
    """What the dialog shows of one container."""

    is_sharing: bool = False
    shared_id: int = 0
    shared_name: str = ""
    payer: str = ""
    """Whose credits a start takes, where they are not mine."""
    shares: list[ShareRow] = []
    targets: list[TargetRow] = []
    target: str = ""
    """The team that is chosen; empty: a person, by name."""
    roles: list[RoleRow] = [RoleRow(role.value, name, deeds_of(role)) for role, name in ROLE_NAMES.items()]
    problem: str = ""
    forms: int = 0
    """Counts up when the form has done its work, so that it is drawn anew and empty."""

    _team_of: dict[int, int] = {}
    """By share: the team it is with; 0 where it is a person."""

    @rx.event
    async def open(self, container_id: int) -> None:
        """Show with whom a container is shared."""
        await self._read(as_id(container_id))
        self.target, self.problem, self.is_sharing = "", "", True

    @rx.event
    async def close(self, is_open: bool) -> None:
        """The dialog was closed (or opened)."""
        self.is_sharing = bool(is_open) and self.shared_id > 0

    @rx.event
    async def choose(self, target: str) -> None:
        """Share with this team next; with a person, if it is none."""
        self.target = str(target) if as_id(target) else ""

    @rx.event
    async def share(self, form: dict[str, Any]) -> None:
        """Share with whom the form names, or say in the dialog why not."""
        with self._refusable():
            await self._share(team_id=as_id(self.target), **words_of(form, "username", "role"))
            self.forms += 1
        await self._read(self.shared_id)

    @rx.event
    async def change(self, share_id: int, role: str) -> None:
        """Give another role to one of those it is shared with."""
        known = next((each for each in self.shares if each.id == as_id(share_id)), None)
        if known is not None:
            with self._refusable():
                await self._share(team_id=self._team_of[known.id], username=known.name, role=str(role))
            await self._read(self.shared_id)

    @rx.event
    async def end(self, share_id: int) -> None:
        """Take it back from one of those it is shared with."""
        async with self._act() as (tx, actor):
            await sharing.unshare(tx, actor, self.shared_id, as_id(share_id))
        await self._read(self.shared_id)

    @rx.event
    async def leave(self, container_id: int) -> list[rx.event.EventSpec]:
        """Give up what somebody shared with me; from its own page, go back to the others."""
        async with self._act() as (tx, actor):
            await sharing.leave(tx, actor, as_id(container_id))
        return self._to_the_others("It is gone from your containers.")

    async def _share(self, *, team_id: int, username: str, role: str) -> None:
        async with self._act() as (tx, actor):
            await sharing.share(tx, actor, self.shared_id, role=role, username=username, team_id=team_id or None)

    async def _read(self, container_id: int) -> None:
        async with self._look() as (tx, actor):
            view = await containers.get(tx, actor, container_id)
            shares = await sharing.list_shares(tx, actor, container_id)
            teams = await team_views.list_teams(tx, actor)
        self._show(view, shares, [each for each in teams if each.active])

    def _show(self, view: ContainerView, shares: list[ShareView], teams: list[TeamView]) -> None:
        self.shared_id, self.shared_name = view.id, view.name
        self.payer = "" if view.is_mine else view.owner
        self.shares = [_share_row(each) for each in shares]
        self._team_of = {each.id: each.team_id or 0 for each in shares}
        self.targets = [TargetRow(str(each.id), f"Team “{each.name}”") for each in teams]


def _share_row(view: ShareView) -> ShareRow:
    return ShareRow(
        id=view.id,
        name=view.name,
        is_team=view.team_id is not None,
        who=f"Team, {count(view.people, 'person', 'people')}" if view.team_id is not None else "Person",
        role=Role(view.role).value,
    )
