"""What a turn's checkpoint costs a running machine, and how long undoing a turn takes: its files, and the disk."""

import os
import statistics
import tempfile
import time
from typing import Any

from sqlmodel import select

from backend import db, settings
from backend.ai import undoing
from backend.ai.undoing import Undoing
from backend.db import reading, transaction
from backend.errors import NotRunning, Unavailable
from backend.events.bus import bus
from backend.guest import turn_files
from backend.guest.files import files
from backend.guest.shell import guests
from backend.migrations import migrate
from backend.models import AIConversation, AITurn, Checkpoint, Container, Node, TurnStatus
from backend.rules.policy import Actor
from backend.seed import seed
from backend.services import checkpoints, containers, processes, turns
from backend.services.processes import Order
from backend.services.turns import Begun
from backend.tasks.runner import running
from tests.bench.report import Figure, spread
from tests.factories import a_type, a_world_on
from tests.machines import built_image, private_node
from tests.stores import eventually

_TURNS = 7
_DISKS = 5
_OTHER_TURNS = 1000
_FILES, _CHANGED = 500, 22
_FILL = "yes 'something to be kept' | head -c 1G > /fill; sync; df -k --output=used / | tail -1"
_MAKE_FILES = f'mkdir -p /app/src; cd /app/src; for i in $(seq {_FILES}); do echo "line $i" > file$i.py; done; sync'
_CHANGE = "cd /app/src; for i in $(seq 20); do echo changed >> file$i.py; done; rm file30.py; echo new > new.py"
_BEATS = """import os, time
fd, last, worst = os.open("/beats", os.O_RDWR | os.O_CREAT), time.monotonic(), 0.0
while True:
    os.pwrite(fd, b"x" * 4096, 0)
    now = time.monotonic()
    worst, last = max(worst, now - last), now
    if os.path.exists("/run/anew"):
        os.unlink("/run/anew")
        worst = 0.0
    with open("/run/new", "w") as told:
        told.write(f"{worst:.4f}")
    os.rename("/run/new", "/run/worst")
    time.sleep(0.01)
"""


async def measure() -> list[Figure]:
    """A machine on a libvirtd in a network namespace of its own, under software emulation."""
    with private_node() as node, tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{home}/bench.sqlite3",
            "IMAGE_DIR": str(built_image().base.parent),
            "NODE_ACCELERATION": "tcg",
        }
        settings.settings.cache_clear()
        bus.cache_clear()
        try:
            await migrate()
            await seed()
            actor, _ = await a_world_on(node.uri)
            async with running():
                return await _measured(actor)
        finally:
            await files().forget_all()
            await guests().close_all()
            await db.dispose()


async def _measured(actor: Actor) -> list[Figure]:
    await eventually("the node", _ready, seconds=120)
    async with transaction() as tx:
        container_id = (await containers.create(tx, actor, container_type_id=(await a_type(tx)).id)).id
    await _said(actor, container_id, "systemctl is-system-running --wait; true")
    used_mib = int(await _said(actor, container_id, _FILL)) / 1024
    await _said(actor, container_id, _MAKE_FILES)
    figures = [*await _parts(actor, container_id), *await _turns(actor, container_id)]
    return [*figures, *await _disks(actor, container_id), Figure("the guest's disk, used", used_mib, "MiB", 1)]


async def _parts(actor: Actor, container_id: int) -> list[Figure]:
    """What a turn waits for, one by one: files are noted, for the first time and again, and the disk's checkpoint."""
    async with reading() as tx:
        address = await (await turns.let_go_on(tx, actor, container_id)).address()
    marked_s, made_s = list[float](), list[float]()
    for number in range(_TURNS):
        began = time.perf_counter()
        await turn_files.mark(address, _OTHER_TURNS + number)
        marked_s.append(time.perf_counter() - began)
        began = time.perf_counter()
        async with transaction() as tx:
            wanted = await checkpoints.make(tx, actor, container_id)
        assert await checkpoints.made_within(wanted.id, 30) == (True, "")
        made_s.append(time.perf_counter() - began)
    return [
        _figure(f"{_FILES} files noted, the first time, with the program's start", marked_s[:1], "s"),
        _figure(f"{_FILES} files noted, again", marked_s[1:], "s"),
        _figure("checkpoint of the disk, asked for → made", made_s, "s", 1),
    ]


async def _turns(actor: Actor, container_id: int) -> list[Figure]:
    """Each changes 22 of 500 files and is undone, while something writes to the disk all the time."""
    await processes.start(actor, container_id, Order(f"exec python3 -c '{_BEATS}'"))
    begun_s, gap_ms, paused_ms, back_s = list[float](), list[float](), list[float](), list[float]()
    for _ in range(_TURNS):
        await _said(actor, container_id, "touch /run/anew; while [ -e /run/anew ]; do sleep 0.1; done")
        turn, waited_s = await _turn(actor, container_id)
        begun_s.append(waited_s)
        gap_ms.append(float(await _said(actor, container_id, "cat /run/worst")) * 1000)
        async with reading() as tx:
            made = (await tx.exec(select(Checkpoint).where(Checkpoint.turn_id == turn.id))).one()
        assert made.is_still, made.message
        paused_ms.append(made.paused_ms)
        began = time.perf_counter()
        await undoing.undo(actor, container_id, turn.id, "files", lambda *_told: None)
        back_s.append(time.perf_counter() - began)
    return [
        _figure(f"turn begins → may change things, {_FILES} files", begun_s, "s"),
        _figure("held still for a checkpoint, at most", paused_ms, "ms", 300),
        _figure("longest gap between two writes in the guest meanwhile", gap_ms, "ms"),
        _figure("undo of a turn's 22 files", back_s, "s", 5),
    ]


async def _disks(actor: Actor, container_id: int) -> list[Figure]:
    taken_s = list[float]()
    for _ in range(_DISKS):
        turn, _ = await _turn(actor, container_id)
        began = time.perf_counter()
        await undoing.undo(actor, container_id, turn.id, "disk", lambda *_told: None)
        await _until_running(container_id)
        taken_s.append(time.perf_counter() - began)
        assert await _said(actor, container_id, "ls /app/src/new.py 2>/dev/null; true") == ""
    return [_figure("undo of a turn on the disk → the machine runs", taken_s, "s", 15)]


async def _turn(actor: Actor, container_id: int) -> tuple[Begun, float]:
    """One that changes files, and how long that waited for its checkpoint."""
    async with transaction() as tx:
        talk = AIConversation(user_id=actor.person_id, container_id=container_id)
        tx.add(talk)
        await tx.flush()
        row = AITurn(conversation_id=talk.id, usage_id=0)
        tx.add(row)
        await tx.flush()
        begun = Begun(row.id, 1, 0, talk.id, container_id, actor.person_id, None, "", {}, {"text": "Do it."})

    async def who() -> Actor:
        return actor

    async def add(kind: str, **data: Any) -> None:
        assert kind != "checkpoint" or (data["files"] and data["disk"]), data

    turn = Undoing(begun, who, add)
    began = time.perf_counter()
    turn.begin()
    await turn.ready()
    waited_s = time.perf_counter() - began
    await _said(actor, container_id, _CHANGE)
    await turn.finish()
    async with transaction() as tx:
        (await tx.get_one(AITurn, begun.id)).status = TurnStatus.DONE
    assert (await undoing.changes_of(actor, container_id, begun.id))[1] == _CHANGED
    return begun, waited_s


async def _said(actor: Actor, container_id: int, command: str) -> str:
    async def tried() -> tuple[str] | None:
        try:
            done = await processes.run(actor, container_id, Order(command, timeout_s=300))
        except (Unavailable, NotRunning):
            return None
        return (done.outcome.stdout.decode().strip(),)

    return (await eventually("the machine to answer", tried, seconds=300))[0]


async def _until_running(container_id: int) -> None:
    async def runs() -> bool:
        async with reading() as tx:
            row = await tx.get_one(Container, container_id)
        return row.status == "running" and not row.restore_to

    await eventually("it to run again", runs, seconds=120)


async def _ready() -> bool:
    async with reading() as tx:
        return all(node.healthy and node.prepared for node in (await tx.exec(select(Node))).all())


def _figure(name: str, values: list[float], unit: str, bar: float | None = None) -> Figure:
    return Figure(name, statistics.median(values), unit, len(values), bar, detail=spread(values))
