"""One team's own page: who is in it, what is shared with it, and what its admins and owner can do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.db import Tx, reading
from backend.errors import NotFound
from backend.rules.deeds import ROLE_NAMES, TEAM_ROLE_NAMES
from backend.rules.policy import Actor, TeamRole
from backend.services import team_views, teams
from backend.services.views import MemberView, TeamPageView, TeamShareView
from pequeroku_ui import guard
from pequeroku_ui.state.base import AppState, as_id, words_of
from pequeroku_ui.state.teams import TeamRow, team_row
from pequeroku_ui.state.watching import TEAM

_NOTHING = TeamRow(
    id=0, key="0", name="", description="", owner="", people="", role="", is_active=True,
    can_edit=False, can_invite=False, can_own=False, can_leave=False,
)  # fmt: skip


@dataclass(frozen=True)
class MemberRow:
    """A person in the team, in words."""

    id: int
    name: str
    role: str
    role_name: str
    is_active: bool
    is_owner: bool
    is_me: bool
    since: str


@dataclass(frozen=True)
class TeamShareRow:
    """A container that is shared with the team, in words."""

    key: str
    name: str
    owner: str
    role: str


@dataclass(frozen=True)
class _Question:
    """Something to be sure of: its words (with the team and the person named), and what is done on a yes."""

    title: str
    text: str
    answer: str
    do: Callable[[Tx, Actor, int, int], Awaitable[None]]
    leaves_page: bool = False


_QUESTIONS = {
    "remove": _Question(
        "Remove {person} from “{team}”?",
        "What is shared with the team is out of their sight at once, and their open terminals in it close.",
        "Remove",
        lambda tx, actor, team_id, user_id: teams.remove_member(tx, actor, team_id, user_id),
    ),
    "hand-over": _Question(
        "Hand “{team}” over to {person}?",
        "They own it then. You stay in it as an admin, and only they can hand it back.",
        "Hand over",
        lambda tx, actor, team_id, user_id: teams.hand_over(tx, actor, team_id, user_id),
    ),
    "leave": _Question(
        "Leave “{team}”?",
        "What is shared with the team is out of your sight at once. An admin of it can add you again.",
        "Leave",
        lambda tx, actor, team_id, _: teams.leave_team(tx, actor, team_id),
        leaves_page=True,
    ),
    "deactivate": _Question(
        "Make “{team}” inactive?",
        "Everybody but you is out of it at once, and sees nothing of what is shared with it. "
        "When you make it active again, you bring each of them back yourself.",
        "Make inactive",
        lambda tx, actor, team_id, _: teams.set_team_active(tx, actor, team_id, False),
    ),
    "delete": _Question(
        "Delete “{team}”?",
        "Nobody is in it any more, and what was shared with it is its owners’ alone again. There is no way back.",
        "Delete",
        lambda tx, actor, team_id, _: teams.delete_team(tx, actor, team_id),
        leaves_page=True,
    ),
}


class TeamState(AppState):
    """What the page shows of its team."""

    shown: TeamRow = _NOTHING
    members: list[MemberRow] = []
    shares: list[TeamShareRow] = []
    is_missing: bool = False
    problem: str = ""
    """Why the last try to add somebody was refused."""
    edit_problem: str = ""
    is_editing: bool = False
    forms: int = 0
    """Counts up when a form has done its work, so that it is drawn anew and empty."""

    is_asking: bool = False
    question: str = ""
    question_text: str = ""
    question_answer: str = ""

    _asked_id: int = 0
    """The team of the address."""
    _asked: str = ""
    _person_id: int = 0

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        team_id = as_id(self._address_end())
        if team_id != self.shown.id:
            self.shown, self.members, self.shares = _NOTHING, [], []
        self.problem, self.is_asking, self.is_editing = "", False, False
        with self._loading():
            await self._enter(f"{TEAM}{team_id}")
            await self._read(team_id)

    @rx.event
    async def edit(self, is_open: bool) -> None:
        """Open or close the form for its name and description."""
        self.edit_problem, self.is_editing = "", bool(is_open)

    @rx.event
    async def save(self, form: dict[str, Any]) -> None:
        """Rename and describe it, or say in the form why not."""
        with self._refusable("edit_problem"):
            async with self._act() as (tx, actor):
                await teams.update_team(tx, actor, self.shown.id, **words_of(form, "name", "description"))
            self.is_editing = False
            await self._read(self.shown.id)

    @rx.event
    async def add(self, form: dict[str, Any]) -> None:
        """Add somebody by name, or say by the form why not."""
        with self._refusable():
            async with self._act() as (tx, actor):
                await teams.add_member(tx, actor, self.shown.id, **words_of(form, "username", "role"))
            self.forms += 1
            await self._read(self.shown.id)

    @rx.event
    async def change_role(self, user_id: int, role: str) -> None:
        """Make a member an admin, or the other way round."""
        async with self._act() as (tx, actor):
            await teams.change_member(tx, actor, self.shown.id, as_id(user_id), role=str(role))
        await self._read(self.shown.id)

    @rx.event
    async def bring_back(self, user_id: int) -> None:
        """Make an inactive membership active again."""
        async with self._act() as (tx, actor):
            await teams.change_member(tx, actor, self.shown.id, as_id(user_id), active=True)
        await self._read(self.shown.id)

    @rx.event
    async def activate(self) -> None:
        """Make the team active again, with its owner alone."""
        async with self._act() as (tx, actor):
            await teams.set_team_active(tx, actor, self.shown.id, True)
        await self._read(self.shown.id)

    @rx.event
    async def ask(self, what: str, user_id: int) -> None:
        """Ask first, and say what follows."""
        asked = _QUESTIONS.get(str(what))
        person = next((each.name for each in self.members if each.id == as_id(user_id)), "")
        if asked is not None and self.shown.id:
            self._ask(str(what), asked, as_id(user_id), person)

    @rx.event
    async def answer(self, is_open: bool) -> None:
        """The question was closed (or opened)."""
        self.is_asking = bool(is_open) and self._asked in _QUESTIONS

    @rx.event
    async def confirm(self) -> rx.event.EventSpec | None:
        """Yes: do what was asked about."""
        self.is_asking, asked = False, _QUESTIONS.get(self._asked)
        if asked is None:
            return None
        async with self._act() as (tx, actor):
            await asked.do(tx, actor, self.shown.id, self._person_id)
        return rx.redirect("/teams") if asked.leaves_page else await self._read(self.shown.id)

    async def _renew(self, actor: Actor) -> None:
        try:
            async with reading() as tx:
                self._show(await team_views.get_team(tx, actor, self._asked_id), actor)
        except NotFound:
            self._show(None, actor)

    async def _read(self, team_id: int) -> None:
        self._asked_id = team_id
        await self._renew(guard.actor())

    def _ask(self, what: str, asked: _Question, user_id: int, person: str) -> None:
        self._asked, self._person_id = what, user_id
        self.question = asked.title.format(team=self.shown.name, person=person)
        self.question_text, self.question_answer = asked.text, asked.answer
        self.is_asking = True

    def _show(self, page: TeamPageView | None, actor: Actor) -> None:
        self.is_missing = page is None
        self.shown = team_row(page.team) if page else _NOTHING
        self.members = [_member_row(each, actor) for each in page.members] if page else []
        self.shares = [_share_row(each) for each in page.shares] if page else []


def _member_row(view: MemberView, actor: Actor) -> MemberRow:
    role = TeamRole(view.role)
    return MemberRow(
        id=view.user_id,
        name=view.username,
        role=role.value,
        role_name="Owner" if view.is_owner else TEAM_ROLE_NAMES[role],
        is_active=view.active,
        is_owner=view.is_owner,
        is_me=view.user_id == actor.user_id,
        since=view.since.isoformat(),
    )


def _share_row(view: TeamShareView) -> TeamShareRow:
    return TeamShareRow(str(view.container_id), view.name, view.owner, ROLE_NAMES[view.role])
