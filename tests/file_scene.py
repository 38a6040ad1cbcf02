"""A running container whose files are a folder of this machine, behind a real SSH server and the real program."""

import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from backend.api.app import make_api
from backend.db import reading, transaction
from backend.guest.channel import GuestAddress
from backend.guest.files import files
from backend.guest.files_program import Places
from backend.guest.shell import guests
from backend.models import AuditLog, Status
from backend.rules.policy import Actor, Role
from backend.services import files as service
from backend.services import sharing
from backend.services.doors import Door
from tests.asgi import Socket
from tests.factories import a_container, a_node, an_actor
from tests.guests import LocalGuest, local_guest
from tests.stores import eventually
from tests.tenants import signed_in

_ids = count(1)


class Desk:
    """A socket that asks and waits for the answer."""

    def __init__(self, app: Any, container_id: int, sid: str) -> None:
        self.socket = Socket(app, f"/ws/fs/{container_id}/", sid=sid)

    def say(self, method: str, **params: Any) -> int:
        number = next(_ids)
        self.socket.say(json.dumps({"id": number, "method": method, "params": params}))
        return number

    async def answer(self, number: int) -> dict[str, Any]:
        return await eventually(f"answer {number}", lambda: self._of(number))

    def _of(self, number: int) -> dict[str, Any] | None:
        return next((each for each in self.socket.heard if each.get("id") == number and "event" not in each), None)

    async def ask(self, method: str, **params: Any) -> Any:
        answer = await self.answer(self.say(method, **params))
        return answer["result"] if "result" in answer else answer["error"]

    async def event(self, **wanted: Any) -> dict[str, Any]:
        return await eventually(
            f"event {wanted}",
            lambda: next((each for each in self.socket.heard if wanted.items() <= each.items()), None),
        )

    async def ready(self) -> "Desk":
        await self.event(event="state", state="ready")
        return self


class Scene:
    """One running container of an owner, and an operator it is shared with."""

    def __init__(self, app_folder: Path, guest: LocalGuest) -> None:
        self.root, self.guest = app_folder, guest
        self.api = make_api()
        self.owner, self.friend = Actor(None), Actor(None)
        self.sids: dict[str, str] = {}
        self.container_id = self.share_id = 0

    def desk(self, who: str = "owner") -> Desk:
        return Desk(self.api, self.container_id, self.sids[who])

    async def rows(self) -> list[AuditLog]:
        async with reading() as tx:
            return list((await tx.exec(select(AuditLog).order_by(col(AuditLog.id)))).all())


@pytest.fixture
async def scene(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Scene]:
    async with local_guest(tmp_path) as (guest, address):

        async def way_in(door: Door) -> GuestAddress:
            return replace(address, domain_name=door.domain_name)

        monkeypatch.setattr(Door, "address", way_in)
        monkeypatch.setattr(files(), "places", Places(str(tmp_path / "app"), str(tmp_path / "shop")))
        monkeypatch.setattr(service, "_lately", {})
        made = Scene(tmp_path / "app", guest)
        async with transaction() as tx:
            made.owner, made.friend = await an_actor(tx), await an_actor(tx)
            container = await a_container(tx, made.owner, await a_node(tx))
            container.status, container.host_key = Status.RUNNING, "a key"
            await tx.flush()
            made.container_id = container.id
            await sharing.share(tx, made.owner, container.id, role=Role.OPERATOR, username=made.friend.username)
            made.sids = {"owner": await signed_in(tx, made.owner), "friend": await signed_in(tx, made.friend)}
        yield made
        await files().forget_all()
        await guests().close_all()
