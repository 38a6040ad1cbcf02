"""What each verb does, and how it is taken back: through the services, as the person who pressed, and after a look at
how things are now. A verb that does not stand here can't be offered.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backend.db import Tx
from backend.errors import Conflict, NotFound
from backend.models import Container, DesiredState, Status, TipAction
from backend.rules.policy import Actor
from backend.services import containers, upkeep
from backend.tips.actions.effects import as_id

_BUSY_WITHIN = timedelta(minutes=30)

Outcome = dict[str, Any]
Do = Callable[[Tx, Actor, TipAction, datetime], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that can be done. `done` and `undone` are sentences over the outcome; without `undo`: for good."""

    do: Do
    done: str
    undo: Do | None = None
    undone: str = ""


async def _stop(tx: Tx, actor: Actor, action: TipAction, at: datetime) -> Outcome:
    container = await _locked(tx, action)
    if container.desired_state is not DesiredState.RUNNING or container.status is not Status.RUNNING:
        raise Conflict(f"“{container.name}” does not run any more: there is nothing to stop.")
    if container.last_active_at is not None and at - container.last_active_at < _BUSY_WITHIN:
        raise Conflict(f"“{container.name}” is in use again, so it was not stopped.")
    await containers.power_off(tx, actor, container.id)
    return {"name": container.name}


async def _start(tx: Tx, actor: Actor, action: TipAction, at: datetime) -> Outcome:
    container = await _locked(tx, action)
    await containers.power_on(tx, actor, container.id)
    return {"name": container.name}


async def _keep(tx: Tx, actor: Actor, action: TipAction, at: datetime) -> Outcome:
    container = await _locked(tx, action)
    kept = await upkeep.keep(tx, actor, container.id)
    if kept.expires_at is None:
        raise Conflict("It does not expire.")
    return {"name": container.name, "expires_at": kept.expires_at.isoformat()}


async def _open(tx: Tx, actor: Actor, action: TipAction, at: datetime) -> Outcome:
    return {"open": action.target}


async def _locked(tx: Tx, action: TipAction) -> Container:
    """As it is now. Whether the actor may, its service asks."""
    container = await tx.get(Container, as_id(action.target), with_for_update=True, populate_existing=True)
    if container is None:
        raise NotFound("That container")
    return container


VERBS: Mapping[str, Verb] = {
    "container.stop": Verb(_stop, "“{name}” is being stopped.", _start, "“{name}” is being started again."),
    "container.keep": Verb(_keep, "“{name}” is kept."),
    "open": Verb(_open, ""),
}
"""By name. Code offers them (backend/tips/candidates); no model can."""
