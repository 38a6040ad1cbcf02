"""What a container's machine said, and what happened to it. What people did to it is in services/audit.py."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from backend.db import Tx
from backend.events.bus import ConsoleWritten, announce
from backend.models import Container, ContainerConsole, ContainerEvent
from backend.models.base import now
from backend.operation import operation
from backend.rules.console_text import MOST_CHARACTERS, latest
from backend.rules.policy import Action, Actor
from backend.services.targets import visible

PAGE = 50
_MOST = 200


@dataclass(frozen=True, slots=True)
class ConsoleView:
    """The end of what was written to a console, as plain text; empty where nothing was."""

    text: str
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class EventView:
    """Something that happened to a machine. `kind` is a word for programs, `text` says more where there is more."""

    id: int
    at: datetime
    kind: str
    text: str


@operation(Action.CONTAINER_CONSOLE)
async def console(tx: Tx, actor: Actor, container_id: int) -> ConsoleView:
    """What the guest wrote to its first serial port: kernel messages, mostly. It is the guest's word, and text only.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Forbidden: the actor may look at it only.
    """
    await visible(Action.CONTAINER_CONSOLE, tx, actor, container_id)
    row = await tx.get(ContainerConsole, container_id, populate_existing=True)
    return ConsoleView(row.text, row.updated_at) if row else ConsoleView("", None)


@operation(Action.CONTAINER_LOGS)
async def events(
    tx: Tx, actor: Actor, container_id: int, *, before_id: int | None = None, limit: int = PAGE
) -> list[EventView]:
    """What happened to the machine, newest first; the newest few hundred are kept.

    Raises:
        NotFound: no such container, or not the actor's to see.
    """
    await visible(Action.CONTAINER_LOGS, tx, actor, container_id)
    query = select(ContainerEvent).where(ContainerEvent.container_id == container_id)
    if before_id is not None:
        query = query.where(col(ContainerEvent.id) < before_id)
    rows = await tx.exec(query.order_by(col(ContainerEvent.id).desc()).limit(max(1, min(limit, _MOST))))
    return [EventView(each.id, each.at, each.kind, each.text) for each in rows.all()]


async def keep_console(tx: Tx, container_id: int, text: str) -> None:
    """Add what a console said to what is kept of it, and tell open pages; unless the container is gone."""
    if await tx.get(Container, container_id) is None:
        return
    row = await tx.get(ContainerConsole, container_id, with_for_update=True)
    if row is None:
        row = ContainerConsole(container_id=container_id)
        tx.add(row)
    row.text, row.updated_at = latest(row.text + text, MOST_CHARACTERS), now()
    announce(tx, ConsoleWritten(container_id))
