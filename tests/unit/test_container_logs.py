"""What happened to a machine and what it wrote, over the memory driver; and how programs read it."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from sqlmodel import select

from backend.api.app import make_api
from backend.db import reading, transaction
from backend.errors import Forbidden, Unavailable
from backend.hypervisor.memory import MemoryConsoles, MemoryNode
from backend.models import Container, ContainerConsole, ContainerEvent
from backend.rules.console_text import MOST_CHARACTERS
from backend.rules.policy import Role
from backend.services import containers, history, logs, sharing
from backend.tasks import consoles
from backend.tasks.helm import Helm
from tests.asgi import ORIGIN
from tests.factories import an_actor
from tests.stores import eventually
from tests.tenants import signed_in
from tests.unit.test_moves import World, quick, still, world  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("database", "quick")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consoles, "_EVERY_S", 0.05)


async def _console(world: World, made: int) -> str:  # noqa: F811
    async with reading() as tx:
        return (await logs.console(tx, world.actor, made)).text


async def test_what_was_done_to_a_machine_is_read_newest_first(world: World) -> None:  # noqa: F811
    made = await world.create()
    world.one.crash((await world.row(made)).domain_name)

    async def kinds() -> list[str]:
        async with reading() as tx:
            return [each.kind for each in await logs.events(tx, world.actor, made)]

    async def booted_again() -> bool:
        seen = await kinds()
        return seen[:2] == ["running", "boot"] and len(seen) > 4

    await eventually("a second boot", booted_again)
    assert (await kinds())[::-1][:4] == ["make-disk", "grow-disk", "boot", "running"]
    async with transaction() as tx:
        await containers.power_off(tx, world.actor, made)
    await world.until(made, "stopped")
    assert (await kinds())[:2] == ["note-stopped", "ask-off"]


async def test_of_events_the_newest_are_kept_and_paged(still: World) -> None:  # noqa: F811
    async with transaction() as tx:
        container = Container(
            name="box", user_id=still.actor.person_id, node_id=still.rows[0].id, memory_mb=1, vcpus=1, disk_gib=1,
            resource_quota_id=1,
        )  # fmt: skip
        tx.add(container)
        await tx.flush()
        for number in range(230):
            await history.note_event(tx, container, "failed", f"{number} " + "x" * 600)
            await tx.flush()
    async with reading() as tx:
        kept = (await tx.exec(select(ContainerEvent))).all()
        first = await logs.events(tx, still.actor, container.id)
        second = await logs.events(tx, still.actor, container.id, before_id=first[-1].id, limit=1000)
    assert len(kept) == 200
    assert [each.text.split()[0] for each in (first[0], first[-1], second[0], second[-1])] == [
        "229",
        "180",
        "179",
        "30",
    ]
    assert all(len(each.text) == 500 for each in first)


async def test_what_a_guest_writes_is_kept_as_text_and_bounded(world: World) -> None:  # noqa: F811
    made = await world.create()
    name = (await world.row(made)).domain_name
    world.one.write_console("pqk-of-nobody", b"not ours")
    world.one.write_console(name, b"\x1b[1mhello\x1b[0m\x00\r\n")

    async def said() -> bool:
        return await _console(world, made) == "hello\n"

    await eventually("the console", said)
    for _ in range(3):
        world.one.write_console(name, bytes(range(256)) * 200 + b"\n")
    world.one.write_console(name, b"the end\n")

    async def ended() -> bool:
        return (await _console(world, made)).endswith("the end\n")

    await eventually("the end", ended)
    assert len(await _console(world, made)) <= MOST_CHARACTERS
    async with transaction() as tx:
        await containers.delete(tx, world.actor, made)

    async def gone() -> bool:
        async with reading() as tx:
            return not (await tx.exec(select(ContainerConsole))).all()

    await eventually("it to be gone with its container", gone)


class _Hanging(MemoryConsoles):
    """Consoles that say nothing, and now and then hang; `looks` counts since it was last set."""

    hangs, looks = True, 0

    async def read(self) -> Mapping[str, bytes]:
        self.looks += 1
        if self.hangs:
            raise Unavailable("It hangs.")
        return {}


async def test_consoles_that_are_not_heard_are_said_once_in_each_spell(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", consoles.__name__)
    node, said = MemoryNode(), _Hanging(MemoryNode())
    monkeypatch.setattr(node, "consoles", lambda: said)
    keeping = asyncio.create_task(consoles.keep_consoles(Helm(1, "me", 1, node, "tower"), dict))
    try:
        for hangs, told in ((True, 1), (False, 1), (True, 2)):
            said.hangs, said.looks = hangs, 0
            await eventually("a few looks", lambda: said.looks > 3)
            assert caplog.text.count("consoles of node tower are not heard: It hangs.") == told
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_who_may_only_look_reads_events_and_no_console(world: World) -> None:  # noqa: F811
    made = await world.create()
    async with transaction() as tx:
        viewer = await an_actor(tx)
        await sharing.share(tx, world.actor, made, role=Role.VIEWER, username=viewer.username)
    async with reading() as tx:
        assert await logs.events(tx, viewer, made)
    with pytest.raises(Forbidden):
        async with reading() as tx:
            await logs.console(tx, viewer, made)


async def test_programs_rename_copy_and_read(world: World) -> None:  # noqa: F811
    made = await world.create()
    async with transaction() as tx:
        headers = {"cookie": f"sid={await signed_in(tx, world.actor)}", "origin": ORIGIN}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_api()), base_url=ORIGIN, headers=headers) as client:
        box = f"/api/containers/{made}"
        renamed = await client.post(f"{box}/rename/", json={"name": "Web One"})
        assert (renamed.status_code, renamed.json()["name"]) == (200, "web-one")
        assert renamed.json() == (await client.get(f"{box}/")).json()
        refused = await client.post(f"{box}/rename/", json={"name": "-"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request")
        copied = await client.post(f"{box}/duplicate/", json={})
        assert (copied.status_code, copied.json()["name"]) == (201, "web-one-copy")
        assert copied.headers["location"] == f"/api/containers/{copied.json()['id']}/"
        page = (await client.get(f"{box}/logs/?limit=2")).json()
        assert [each["kind"] for each in page["items"]] == ["running", "boot"]
        more = (await client.get(f"{box}/logs/?limit=2&cursor={page['next_cursor']}")).json()
        assert [each["kind"] for each in more["items"]] == ["grow-disk", "make-disk"]
        assert (await client.get(f"{box}/console/")).json() == {"text": "", "updated_at": None}
        slept = await client.post(f"{box}/sleep/")
        assert slept.json()["is_asleep"] is True
        await world.until(made, "stopped")
        assert (await client.post(f"{box}/start_afresh/")).status_code in (200, 409)
