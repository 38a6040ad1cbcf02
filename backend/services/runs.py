"""Run: what `/app/config.json` says a container is for, started in a terminal of its own and stopped again.

Who may is decided in a transaction; the machine is spoken to outside of any (`config_of`, `start`, `stop`).
"""

from contextlib import suppress

from backend.db import Tx, reading, transaction
from backend.errors import Conflict, NotFound
from backend.guest import dtach
from backend.guest.channel import GuestAddress
from backend.guest.shell import guests
from backend.guest.terminals import terminals
from backend.operation import operation
from backend.rules.policy import Action, Actor
from backend.rules.run_config import MOST_BYTES, PATH, RunConfig, parse
from backend.services.doors import Door, door

TERMINAL = "run"
"""The terminal that it runs in."""
_READ_S, _STOP_S = 20.0, 20.0
_FOLDER, _TITLE = "/app", "Run"
_MISSING = 3


@operation(Action.RUN_LOOK)
async def look(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let the actor see what would be run.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to look into.
    """
    return await door(Action.RUN_LOOK, tx, actor, container_id)


@operation(Action.RUN_START)
async def begin(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let the actor run it.

    Raises:
        NotFound, Forbidden: not the actor's to run.
    """
    return await door(Action.RUN_START, tx, actor, container_id)


@operation(Action.RUN_STOP)
async def end(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let the actor stop it.

    Raises:
        NotFound, Forbidden: not the actor's to stop.
    """
    return await door(Action.RUN_STOP, tx, actor, container_id)


async def config_of(actor: Actor, container_id: int) -> tuple[RunConfig | None, bool]:
    """What would be run (None where nothing says), and whether it runs now.

    Raises:
        NotFound, Forbidden: as `look`.
        Invalid: the file is not as it should be.
        Unavailable: the machine can't be asked.
    """
    async with reading() as tx:
        address = await (await look(tx, actor, container_id)).address()
    is_running = TERMINAL in [each.id for each in await terminals().listed(address)]
    return await _config(address), is_running


async def start(actor: Actor, container_id: int) -> RunConfig:
    """Run it, in place of what ran before; its output is in the terminal with the id `TERMINAL`.

    Raises:
        NotFound, Forbidden: as `begin`.
        Invalid, Conflict: the file is not as it should be, or there is none. What runs goes on.
        Unavailable: the machine can't be asked.
    """
    async with transaction() as tx:
        address = await (await begin(tx, actor, container_id)).address()
    config = await _config(address)
    if config is None:
        raise Conflict(f'There is no {PATH}. Make it, like {{ "run": "python3 app.py", "port": 8000 }}.')
    await _stop(address)
    program = dtach.program_of(TERMINAL, config.command, _FOLDER, _TITLE)
    await terminals().open(address, TERMINAL, 80, 24, program=program)
    return config


async def stop(actor: Actor, container_id: int) -> None:
    """Stop what runs, with all that it began. Nothing running is fine.

    Raises:
        NotFound, Forbidden: as `end`.
        Unavailable: the machine can't be asked.
    """
    async with transaction() as tx:
        address = await (await end(tx, actor, container_id)).address()
    await _stop(address)


async def _stop(address: GuestAddress) -> None:
    await guests().run(address, dtach.stop_command(TERMINAL), timeout_s=_STOP_S)
    with suppress(NotFound):
        await terminals().close(address, TERMINAL)


async def _config(address: GuestAddress) -> RunConfig | None:
    command = f"[ -f {PATH} ] || exit {_MISSING}; head -c {MOST_BYTES + 1} {PATH}"
    done = await guests().run(address, command, timeout_s=_READ_S, limit_bytes=MOST_BYTES + 1)
    if done.exit_code == _MISSING:
        return None
    if done.exit_code != 0:
        raise Conflict(f"{PATH} can't be read in the machine.")
    return parse(done.stdout)
