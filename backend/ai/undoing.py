"""The checkpoint that a turn begins with, what it changed, and undoing it (docs/adr/0026).

Nothing of this keeps a turn from its work: what can't be undone is said in the timeline, and the turn goes on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from backend.db import reading, transaction
from backend.errors import PequerokuError
from backend.guest import ports as guest_ports
from backend.guest import turn_files
from backend.rules.policy import Actor
from backend.services import checkpoints, previews, processes, timelines, turns, undoing
from backend.services.turns import Begun
from backend.services.undoing import DISK, FILES, Undoable

log = logging.getLogger(__name__)

_DISK_S = 10.0
"""A node that does not make a checkpoint within this is not waited for."""
_FINISH_S = 20.0
_LOOK_AGAIN_S = 0.2
_FOLLOWED_S = 180.0
_background = set[asyncio.Task[None]]()

Told = dict[str, Any]
Tell = Callable[[int, int, Told], None]
"""Tells all who listen to a user's conversation."""


class Add(Protocol):
    """Adds an event to the timeline."""

    def __call__(self, kind: str, **data: Any) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class _Programs:
    """What runs and listens."""

    processes: dict[str, str]
    ports: dict[int, str]


class Undoing:
    """One turn's. It begins beside the first question to the model; what would change something waits for it."""

    def __init__(self, begun: Begun, actor: Callable[[], Awaitable[Actor]], add: Add) -> None:
        self._begun, self._actor, self._add = begun, actor, add
        self._task: asyncio.Task[None] | None = None
        self._before: _Programs | None = None
        self._has_files = self._has_acted = False

    def begin(self) -> None:
        self._task = asyncio.create_task(self._prepare(), name=f"checkpoint of turn {self._begun.id}")

    async def ready(self) -> None:
        """Wait until what is done from now on can be undone, as far as it can."""
        if self._task is not None:
            await asyncio.shield(self._task)
        self._has_acted = True

    def give_up(self) -> None:
        """The server ends."""
        if self._task is not None:
            self._task.cancel()

    async def finish(self) -> None:
        """Tell what is different now. Where nothing was done that could change anything, there is nothing to tell."""
        if self._task is None or not self._has_acted:
            self.give_up()
            return
        try:
            async with asyncio.timeout(_FINISH_S):
                await self._task
                await self._tell_changes()
        except (PequerokuError, TimeoutError) as fault:
            log.info("what turn %s changed can't be told: %s", self._begun.id, fault)
        except Exception:
            log.exception("what turn %s changed can't be told", self._begun.id)

    async def _prepare(self) -> None:
        try:
            await self._checkpoint()
        except PequerokuError as fault:
            log.info("turn %s has no checkpoint: %s", self._begun.id, fault.message)
            await self._say(files=False, disk=False, messages=[f"This turn can't be undone. {fault.message}"])
        except Exception:
            log.exception("turn %s has no checkpoint", self._begun.id)
            await self._say(files=False, disk=False, messages=["This turn can't be undone: something broke."])

    async def _checkpoint(self) -> None:
        async with reading() as tx:
            said = await undoing.checkpoint_event(tx, self._begun.id)
            is_on = bool(await undoing.kept_turns(tx, self._begun.container_id))
        if said is not None:  # it goes on after the server's end, or is tried again
            self._has_acted, self._has_files = True, bool(said.data.get("files"))
            return
        if not is_on:
            await self._say(files=False, disk=False, messages=["Checkpoints are switched off (ai_checkpoints_kept)."])
            return
        programs = asyncio.create_task(self._seen_programs(), name=f"programs before turn {self._begun.id}")
        try:
            self._has_files, about_files = await self._mark()
            has_disk, about_disk = await self._checkpoint_disk()
            self._before = await programs
        finally:
            programs.cancel()
        await self._say(files=self._has_files, disk=has_disk, messages=[about_files, about_disk])

    async def _say(self, *, files: bool, disk: bool, messages: list[str]) -> None:
        message = " ".join(each for each in messages if each)
        try:
            await self._add("checkpoint", files=files, disk=disk, **({"message": message} if message else {}))
        except PequerokuError:
            log.info("turn %s is gone, with its conversation", self._begun.id)

    async def _mark(self) -> tuple[bool, str]:
        actor = await self._actor()
        async with reading() as tx:
            door = await turns.let_go_on(tx, actor, self._begun.container_id)
        try:
            unkept = await turn_files.mark(await door.address(), self._begun.id, is_first=bool(self._begun.asked))
        except PequerokuError as fault:
            return False, f"Files can't be put back: {fault.message}"
        return True, f"{unkept} large files can't be put back by themselves." if unkept else ""

    async def _checkpoint_disk(self) -> tuple[bool, str]:
        actor = await self._actor()
        try:
            async with transaction() as tx:
                made = await checkpoints.of_turn(tx, self._begun.id)
                made = made or await checkpoints.make(tx, actor, self._begun.container_id, turn_id=self._begun.id)
                await undoing.set_checkpoint(tx, self._begun.id, made.id)
            return await checkpoints.made_within(made.id, _DISK_S)
        except PequerokuError as fault:
            return False, f"The disk got no checkpoint: {fault.message}"

    async def _seen_programs(self) -> _Programs | None:
        """None where the machine can't say: then nothing of them is told at the end."""
        try:
            return await self._programs()
        except PequerokuError:
            return None

    async def _programs(self) -> _Programs:
        actor, container_id = await self._actor(), self._begun.container_id
        listed = await processes.list_processes(actor, container_id)
        async with reading() as tx:
            door = await previews.ports(tx, actor, container_id)
        listening = await guest_ports.listening(await door.address())
        running = {each.id: each.command for each in listed if each.state == "running"}
        return _Programs(running, {each.port: each.process for each in listening})

    async def _tell_changes(self) -> None:
        changed, total = list[turn_files.Change](), 0
        actor, container_id = await self._actor(), self._begun.container_id
        async with reading() as tx:
            door = await turns.let_go_on(tx, actor, container_id)
            kept = await undoing.kept_turns(tx, container_id)
        if self._has_files:
            changed, total = await turn_files.settle(await door.address(), self._begun.id)
            await turn_files.forget_others(await door.address(), list(kept))
        began, ports = self._differences(await self._programs())
        if changed or began or ports:
            more = {"more": total - len(changed)} if total > len(changed) else {}
            await self._add("changes", files=list(map(asdict, changed)), processes=began, ports=ports, **more)

    def _differences(self, after: _Programs) -> tuple[list[Told], list[Told]]:
        """Nothing of a turn that was broken off: how it was before is not known any more."""
        before = self._before or after
        began = [
            {"id": each, "command": (after.processes | before.processes)[each], "change": change}
            for each, change in _changes(before.processes, after.processes)
        ]
        ports = [
            {"port": each, "process": (after.ports | before.ports)[each], "change": change}
            for each, change in _changes(before.ports, after.ports)
        ]
        return began, ports


def _changes(before: dict[Any, str], after: dict[Any, str]) -> list[tuple[Any, str]]:
    began = [(each, "began") for each in after if each not in before]
    return began + [(each, "ended") for each in before if each not in after]


async def undo(
    actor: Actor,
    container_id: int,
    turn_id: int,
    what: str,
    tell: Tell,
    *,
    paths: list[str] | None = None,
    force: bool = False,
) -> list[str]:
    """Undo a turn: put its files back, all or some, or ask for the disk to be set back to where it began.

    Returns which files were put back. A disk is set back by its node: the timeline says when that is done.

    Raises:
        NotFound, Forbidden, Invalid, Conflict: as `undoing.let_undo`, `turn_files.put_back` and `checkpoints.restore`.
        FileRefused, NotRunning, Unavailable: the files can't be put back.
    """
    async with transaction() as tx:
        turn = await undoing.let_undo(tx, actor, container_id, turn_id, what)
        if what == DISK:
            await checkpoints.restore(tx, actor, container_id, turn.checkpoint_id)
    if what == FILES:
        back = await turn_files.put_back(await turn.door.address(), turn_id, paths, force=force)
        async with transaction() as tx:
            told = await undoing.note_files_undone(tx, turn, None if paths is None else back)
        tell(turn.user_id, turn.conversation_id, told)
        if paths is None:
            tell(turn.user_id, turn.conversation_id, _undone(turn))
        return back
    following = asyncio.create_task(_follow(turn, container_id, tell), name=f"undo of turn {turn_id}")
    _background.add(following)
    following.add_done_callback(_background.discard)
    return []


async def changes_of(actor: Actor, container_id: int, turn_id: int) -> tuple[list[turn_files.Change], int]:
    """The files that a turn changed: the first thousand, and how many there are.

    Raises:
        NotFound, Forbidden: as `undoing.look_at`.
        FileRefused, NotRunning, Unavailable: nothing is kept of it, or the machine can't be asked.
    """
    async with reading() as tx:
        door = await undoing.look_at(tx, actor, container_id, turn_id)
    return await turn_files.changes(await door.address(), turn_id)


async def diff_of(actor: Actor, container_id: int, turn_id: int, path: str) -> str:
    """What a turn did to a file. Raises as `changes_of`."""
    async with reading() as tx:
        door = await undoing.look_at(tx, actor, container_id, turn_id)
    return await turn_files.diff(await door.address(), turn_id, path)


async def _follow(turn: Undoable, container_id: int, tell: Tell) -> None:
    """Tell who watches when the disk is set back, or can't be. It is done by another process, whoever follows it."""
    end = asyncio.get_running_loop().time() + _FOLLOWED_S
    while asyncio.get_running_loop().time() < end:
        async with reading() as tx:
            is_over = not await checkpoints.is_restoring(tx, container_id)
            events = await timelines.events_of(tx, turn.conversation_id, after=turn.last_seq)
        if any(each.kind == "undone" and each.turn_id == turn.turn_id and each.data["what"] == DISK for each in events):
            for each in events:
                tell(turn.user_id, turn.conversation_id, timelines.told(each))
            tell(turn.user_id, turn.conversation_id, _undone(turn))
            return
        if is_over:
            message = "The disk could not be set back. It is as it was before."
            tell(turn.user_id, turn.conversation_id, {"event": "error", "code": "conflict", "message": message})
            return
        await asyncio.sleep(_LOOK_AGAIN_S)


def _undone(turn: Undoable) -> Told:
    return {"event": "turn", "turn": turn.turn_id, "number": turn.number, "status": "undone"}
