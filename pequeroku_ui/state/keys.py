"""The account's keys: what lets programs in as oneself."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from backend.services import keys, ssh_gateway
from backend.services.keys import KeyView, SshKeyView
from pequeroku_ui.state.base import AppState, as_id, words_of
from pequeroku_ui.state.wording import moment


@dataclass(frozen=True)
class KeyRow:
    """An API key, in words. `state` is empty while it is good."""

    id: int
    name: str
    prefix: str
    scope: str
    state: str
    expires_at: str
    last_used_at: str
    last_used_ip: str


@dataclass(frozen=True)
class SshKeyRow:
    """An SSH public key, in words."""

    id: int
    name: str
    kind: str
    fingerprint: str
    created_at: str


class KeysState(AppState):
    """The person's keys, and a new one for the one time it is shown."""

    api_keys: list[KeyRow] = []
    ssh_keys: list[SshKeyRow] = []
    ssh_command: str = ""
    """What to type to get into a container; empty where there is no gateway."""
    ssh_fingerprint: str = ""
    ssh_known_hosts: str = ""
    new_key: str = ""
    problem: str = ""
    ssh_problem: str = ""
    forms: int = 0
    """Counts up when the form of API keys has done its work, so that it is drawn anew and empty."""
    ssh_forms: int = 0
    """The same, of the SSH keys'."""

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        self.new_key = self.problem = self.ssh_problem = ""
        with self._loading():
            await self._enter("")
            await self._read()

    @rx.event
    async def create(self, form: dict[str, Any]) -> None:
        """Make an API key and show it; or say by the form why not."""
        with self._refusable():
            async with self._act() as (tx, actor):
                words, days = words_of(form, "name", "scope"), days_of(form.get("days"))
                _, self.new_key = await keys.create_key(tx, actor, days=days, **words)
            self.forms += 1
            await self._read()

    @rx.event
    async def put_away(self) -> None:
        """The new key was kept."""
        self.new_key = ""

    @rx.event
    async def revoke(self, key_id: int) -> rx.event.EventSpec:
        """Make an API key worthless."""
        async with self._act() as (tx, actor):
            await keys.revoke_key(tx, actor, as_id(key_id))
        await self._read()
        return rx.toast.success("That key opens nothing any more.")

    @rx.event
    async def add_ssh(self, form: dict[str, Any]) -> None:
        """Keep an SSH public key; or say by the form why not."""
        with self._refusable("ssh_problem"):
            async with self._act() as (tx, actor):
                await keys.add_ssh_key(tx, actor, **words_of(form, "public_key", "name"))
            self.ssh_forms += 1
            await self._read()

    @rx.event
    async def remove_ssh(self, key_id: int) -> rx.event.EventSpec:
        """Forget an SSH public key."""
        async with self._act() as (tx, actor):
            await keys.remove_ssh_key(tx, actor, as_id(key_id))
        await self._read()
        return rx.toast.success("That key is forgotten.")

    async def _read(self) -> None:
        async with self._look() as (tx, actor):
            self.api_keys = [_key_row(each) for each in await keys.list_keys(tx, actor)]
            self.ssh_keys = [_ssh_row(each) for each in await keys.list_ssh_keys(tx, actor)]
            gateway = await ssh_gateway.gateway(tx, actor)
        self.ssh_command = gateway.command("NAME")
        self.ssh_fingerprint, self.ssh_known_hosts = gateway.fingerprint, gateway.known_hosts


def _key_row(view: KeyView) -> KeyRow:
    state = "" if view.is_good else ("revoked" if view.revoked_at else "expired")
    return KeyRow(
        id=view.id,
        name=view.name,
        prefix=f"pk_{view.prefix}_…",
        scope=view.scope.value,
        state=state,
        expires_at=moment(view.expires_at) if view.is_good else "",
        last_used_at=moment(view.last_used_at),
        last_used_ip=view.last_used_ip,
    )


def _ssh_row(view: SshKeyView) -> SshKeyRow:
    return SshKeyRow(view.id, view.name, view.kind, view.fingerprint, view.created_at.isoformat())


def days_of(raw: object) -> int:
    """How long a new key holds. -1, which is refused, for what is no number: 0 would be one that never expires."""
    return 0 if raw == "0" else as_id(raw) or -1
