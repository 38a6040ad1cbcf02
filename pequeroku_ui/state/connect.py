"""A person's own agents and programs: what they are told, with a new key in it for as long as the page is open."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.db import reading
from backend.rules import connecting
from backend.rules.connecting import Guide, SshWay
from backend.rules.policy import Actor
from backend.services import keys, ssh_gateway
from backend.settings import settings
from pequeroku_ui.state import watching
from pequeroku_ui.state.base import AppState, words_of
from pequeroku_ui.state.keys import days_of
from pequeroku_ui.state.wording import moment


@dataclass(frozen=True)
class StepRow:
    """Something to paste, and where it goes."""

    where: str
    text: str


@dataclass(frozen=True)
class GuideRow:
    """How one program is connected."""

    name: str
    label: str
    steps: list[StepRow]
    after: str


@dataclass(frozen=True)
class ToolRow:
    """Something an agent can do then."""

    name: str
    does: str


class ConnectState(AppState):
    """The guides, which of them is looked at, and a key that was made here."""

    address: str = ""
    guides: list[GuideRow] = []
    chosen: str = ""
    tools: list[ToolRow] = []
    new_key: str = ""
    key_name: str = ""
    """Of the last key that was made here; and when and from where a program first came in with it, if one did."""
    came_at: str = ""
    came_from: str = ""
    problem: str = ""
    forms: int = 0
    """Counts up when the form has done its work, so that it is drawn anew."""

    _key_id: int = 0

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        self.new_key = self.problem = self.key_name = self.came_at = self.came_from = ""
        self._key_id = 0
        with self._loading():
            await self._enter(watching.CONNECT)
            self.tools = [ToolRow(*each) for each in connecting.TOOLS.items()]
            await self._read()

    @rx.event
    async def choose(self, name: str) -> None:
        """Look at another program's guide."""
        self.chosen = name if name in {each.name for each in self.guides} else self.chosen

    @rx.event
    async def create(self, form: dict[str, Any]) -> None:
        """Make an API key and put it where it goes; or say by the form why not."""
        with self._refusable():
            async with self._act() as (tx, actor):
                words, days = words_of(form, "name", "scope"), days_of(form.get("days"))
                made, self.new_key = await keys.create_key(tx, actor, days=days, **words)
            self._key_id, self.key_name, self.came_at = made.id, made.name, ""
            self.forms += 1
            await self._read()

    @rx.event
    async def put_away(self) -> None:
        """The new key was kept."""
        self.new_key = ""
        await self._read()

    async def _renew(self, actor: Actor) -> None:
        async with reading() as tx:
            mine = await keys.list_keys(tx, actor)
        for each in mine:
            if each.id == self._key_id:
                self.came_at, self.came_from = moment(each.last_used_at), each.last_used_ip

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            gateway = await ssh_gateway.gateway(tx, actor)
        known = SshWay(gateway.command("NAME"), gateway.fingerprint, gateway.known_hosts)
        home = self._home()
        found = connecting.guides(home, self.new_key or connecting.NO_KEY, known if known.command else None)
        self.address, self.guides = connecting.mcp_address(home), [_row(each) for each in found]
        self.chosen = self.chosen or found[0].name

    def _home(self) -> str:
        """Where we are, as this browser sees it; what it says counts only where it is one of our origins."""
        origin = self.router.url.origin
        return origin if origin in settings().origins else settings().dashboard


def _row(guide: Guide) -> GuideRow:
    steps = [StepRow(each.where, each.text) for each in guide.steps]
    return GuideRow(guide.name, guide.label, steps, guide.after)
