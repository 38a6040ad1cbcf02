"""Commands in containers: waited for, or left to go on by themselves. Who may is decided in a transaction; the machine
is spoken to outside of any. Routes and pages call the functions below `look`; each opens its own transactions.
"""

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from backend.db import Tx, reading, transaction
from backend.errors import BrokenOff, DatabaseBusy, OutOfTime, Unavailable
from backend.guest import processes as guest
from backend.guest.processes import LogPiece, Process
from backend.guest.shell import Completed, Hear, guests
from backend.models.base import now
from backend.operation import note, operation
from backend.rules import commands
from backend.rules.policy import Action, Actor
from backend.services import activity
from backend.services.command_failures import note_failure
from backend.services.doors import Door, door

LIMIT_BYTES = 512 * 1024
"""Of each stream of a command that is waited for, so much is kept."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run. `timeout_s` is for what is waited for."""

    command: str
    cwd: str = ""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    stdin: bytes = b""
    timeout_s: float = 30.0

    def checked(self) -> "Order":
        """The same, if it can be run.

        Raises:
            Invalid: it can't.
        """
        cwd, env = commands.folder(self.cwd), commands.environment(self.env)
        return Order(commands.command(self.command), cwd, env, self.stdin, self.timeout_s)


@dataclass(frozen=True, slots=True)
class Done:
    """A command that is over, and how long it took."""

    outcome: Completed
    duration_ms: int


@operation(Action.CONTAINER_SEND_COMMAND)
async def let_in(tx: Tx, actor: Actor, container_id: int, command: str) -> Door:
    """Let the actor run a command in a container; it is written down before it runs.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to use.
    """
    note(message=commands.shown(command))
    entrance = await door(Action.CONTAINER_SEND_COMMAND, tx, actor, container_id)
    at = now()
    if activity.is_news(container_id, at):
        await activity.note_use(tx, [container_id], at)
    return entrance


@operation(Action.PROCESS_LOOK)
async def look(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let the actor see the processes of a container, and what they say.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to use.
    """
    return await door(Action.PROCESS_LOOK, tx, actor, container_id)


@operation(Action.PROCESS_STOP)
async def let_stop(tx: Tx, actor: Actor, container_id: int, process_id: str) -> Door:
    """Let the actor end a process of a container, or forget one that has ended.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to use.
    """
    note(message=f"process {process_id[:32]}")
    return await door(Action.PROCESS_STOP, tx, actor, container_id)


async def run(actor: Actor, container_id: int, order: Order, *, hear: Hear | None = None) -> Done:
    """Run a command and wait for its end. One that takes too long is ended with all that it began, and says so.
    `hear` is told what it prints, as it does.

    Raises:
        Invalid: it can't be run as it is.
        NotFound, Forbidden: as `let_in`.
        NotRunning, Unavailable: the machine is off, or can't be reached.
    """
    began, ready = time.monotonic(), order.checked()
    async with transaction() as tx:
        entrance = await let_in(tx, actor, container_id, ready.command)
    outcome = await guests().run(
        await entrance.address(),
        commands.script(ready.command, cwd=ready.cwd, env=ready.env),
        stdin=ready.stdin,
        timeout_s=ready.timeout_s,
        limit_bytes=LIMIT_BYTES,
        hear=hear,
    )
    if outcome.timed_out or outcome.exit_code != 0:
        await _note_failure(actor, container_id, ready.command)
    return Done(outcome, int((time.monotonic() - began) * 1000))


async def _note_failure(actor: Actor, container_id: int, command: str) -> None:
    """That it can't be counted is nobody's trouble."""
    with suppress(DatabaseBusy):
        async with transaction() as tx:
            await note_failure(tx, actor.user_id, container_id, command)


def timed_out(order: Order) -> OutOfTime:
    """What is said of a command whose time was over."""
    return OutOfTime(f"It was not done within {order.timeout_s:g} s. It was ended, with all that it had begun.")


async def start(actor: Actor, container_id: int, order: Order) -> Process:
    """Start a command that goes on by itself.

    Raises:
        Invalid, NotFound, Forbidden, NotRunning, Unavailable: as `run`.
        Conflict: there are too many.
    """
    ready, name = order.checked(), secrets.token_hex(4)
    async with transaction() as tx:
        entrance = await let_in(tx, actor, container_id, ready.command)
    address = await entrance.address()
    await guest.start(address, name, ready.command, cwd=ready.cwd, env=ready.env, stdin=ready.stdin)
    try:
        return await guest.look(address, name)
    except Unavailable as fault:
        raise BrokenOff(fault.message) from fault


async def list_processes(actor: Actor, container_id: int) -> list[Process]:
    """What goes on in a container by itself, and what has ended; none while it does not run."""
    async with reading() as tx:
        entrance = await look(tx, actor, container_id)
    return await guest.listed(await entrance.address()) if entrance.is_running else []


async def get_process(actor: Actor, container_id: int, process_id: str) -> Process:
    """One of them.

    Raises:
        NotFound: there is none of that id.
    """
    async with reading() as tx:
        entrance = await look(tx, actor, container_id)
    return await guest.look(await entrance.address(), commands.process_id(process_id))


async def read_log(
    actor: Actor, container_id: int, process_id: str, *, offset: int, limit: int = guest.LONGEST_READ, wait_s: float = 0
) -> LogPiece:
    """A piece of what it has said; see `guest.processes.read_log`."""
    async with reading() as tx:
        entrance = await look(tx, actor, container_id)
    name = commands.process_id(process_id)
    return await guest.read_log(await entrance.address(), name, offset=offset, limit=limit, wait_s=wait_s)


async def read_process(
    actor: Actor, container_id: int, process_id: str, *, offset: int, limit: int = guest.LONGEST_READ, wait_s: float = 0
) -> tuple[Process, LogPiece]:
    """How it is, and a piece of what it has said; of what has ended, the last words too."""
    piece = await read_log(actor, container_id, process_id, offset=offset, limit=limit, wait_s=wait_s)
    process = await get_process(actor, container_id, process_id)
    if process.state != "running" and process.log_bytes > piece.size:  # they came between the two looks
        piece = await read_log(actor, container_id, process_id, offset=offset, limit=limit)
    return process, piece


async def end_process(actor: Actor, container_id: int, process_id: str) -> None:
    """Stop it if it runs, else forget it.

    Raises:
        NotFound: there is none of that id.
    """
    found = await get_process(actor, container_id, process_id)
    end = stop_process if found.state == "running" else forget_process
    await end(actor, container_id, process_id)


async def stop_process(actor: Actor, container_id: int, process_id: str) -> None:
    """End a process with all that it began; it stays in the list, with what it said. Twice is once.

    Raises:
        NotFound: there is none of that id.
    """
    async with transaction() as tx:
        entrance = await let_stop(tx, actor, container_id, commands.process_id(process_id))
    await guest.stop(await entrance.address(), process_id)


async def forget_process(actor: Actor, container_id: int, process_id: str) -> None:
    """Remove a process that has ended from the list, and what it said.

    Raises:
        NotFound: there is none of that id.
        Conflict: it runs.
    """
    async with transaction() as tx:
        entrance = await let_stop(tx, actor, container_id, commands.process_id(process_id))
    await guest.forget(await entrance.address(), process_id)
