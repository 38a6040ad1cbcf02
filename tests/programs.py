"""Programs of people: what they ask of `/api/v1/`, machines that boot in memory and run commands here, and streams."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from backend.api.app import make_api
from backend.db import reading, transaction
from backend.guest.channel import GuestAddress
from backend.guest.shell import guests
from backend.hypervisor.memory import MemoryNode
from backend.hypervisor.registry import nodes
from backend.models import Container, Node, OneShotRun
from backend.rules import one_shots as rules
from backend.rules.policy import Actor
from backend.services import keys
from backend.services.doors import Door
from backend.tasks import node_probe
from tests.factories import a_world
from tests.guests import LocalGuest, local_guest
from tests.people import visitor
from tests.stores import eventually


class Programs:
    """A person, their programs, and a node whose machines boot in memory: what they run is run in a folder here."""

    def __init__(self, actor: Actor, node: Node, machine: MemoryNode, guest: LocalGuest, folder: Path) -> None:
        self.actor, self.node, self.machine, self.guest, self.folder = actor, node, machine, guest, folder

    async def client(self, scope: str = "exec") -> httpx.AsyncClient:
        return visitor(api_key=await a_key(self.actor, scope), origin=None, timeout=60)

    async def containers(self) -> list[Container]:
        async with reading() as tx:
            return list((await tx.exec(select(Container))).all())

    async def row(self, run_id: int) -> OneShotRun:
        async with reading() as tx:
            return await tx.get_one(OneShotRun, run_id)

    async def until(self, run_id: int, *statuses: str) -> OneShotRun:
        async def reached() -> OneShotRun | None:
            row = await self.row(run_id)
            return row if row.status in statuses else None

        return await eventually(f"run {run_id} to be {statuses}", reached)

    async def until_nothing_is_left(self) -> None:
        async def is_gone() -> bool:
            return not await self.containers() and not self.machine.machines

        await eventually("the machine to be gone", is_gone)


async def a_key(actor: Actor, scope: str = "exec") -> str:
    """The text of a new key of theirs."""
    async with transaction() as tx:
        return (await keys.create_key(tx, actor, name="test", scope=scope))[1]


@asynccontextmanager
async def programs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Programs]:
    """The scene, with nobody who drives it: that is `backend.tasks.runner.running()`."""
    actor, node = await a_world(limit=10)
    machine, app = MemoryNode(), folder / "work"
    app.mkdir()
    nodes().put(node.uri, machine)
    monkeypatch.setattr(node_probe, "load_image", lambda _folder: None)
    monkeypatch.setattr(rules, "FOLDER", str(app))
    async with local_guest(folder) as (guest, address):

        async def way_in(door: Door) -> GuestAddress:
            return replace(address, domain_name=door.domain_name)

        monkeypatch.setattr(Door, "address", way_in)
        yield Programs(actor, node, machine, guest, app)
        await guests().close_all()


class Listening:
    """A program that listens to the stream of events: all that it heard is in `events`, as (id, type, data)."""

    def __init__(self, api_key: str = "", *, sid: str = "", last_id: str = "", query: str = "") -> None:
        headers = [(b"host", b"localhost")]
        headers += [(b"authorization", f"Bearer {api_key}".encode())] if api_key else []
        headers += [(b"cookie", f"sid={sid}".encode())] if sid else []
        headers += [(b"last-event-id", last_id.encode())] if last_id else []
        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/api/v1/events", "headers": headers}
        scope |= {"raw_path": b"/api/v1/events", "query_string": query.encode(), "root_path": "", "scheme": "http"}
        scope |= {"client": ("203.0.113.7", 1), "server": ("localhost", 80), "http_version": "1.1"}
        scope |= {"asgi": {"version": "3.0", "spec_version": "2.0"}}
        self.status, self.text = 0, ""
        self._left = asyncio.Event()
        self.task = asyncio.ensure_future(make_api()(scope, self._receive, self._hear))

    @property
    def events(self) -> list[tuple[int, str, dict[str, Any]]]:
        found: list[tuple[int, str, dict[str, Any]]] = []
        for block in self.text.split("\n\n")[:-1]:
            said = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "event" in said:
                found.append((int(said.get("id", 0)), said["event"], json.loads(said["data"])))
        return found

    @property
    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.events]

    async def heard(self, kind: str) -> dict[str, Any]:
        """Wait for one of that type; its data."""
        found = await eventually(kind, lambda: [data for _, said, data in self.events if said == kind])
        return found[0]

    async def leave(self) -> None:
        self._left.set()
        await asyncio.wait_for(self.task, 20)

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.text += message.get("body", b"").decode()
