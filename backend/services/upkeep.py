"""What is done to containers because time has passed: idle ones are stopped, and those whose time is over deleted.

Each of these looks again at the locked row before it acts, so that any number of processes may ask for it.
"""

from datetime import datetime, timedelta

from sqlmodel import col, select

from backend.db import Tx
from backend.errors import Conflict, NotFound
from backend.models import Container, ContainerType, DesiredState, Node, Status
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.config_keys import EXPIRY_WARNING_H
from backend.rules.notices import Notice
from backend.rules.policy import Action, Actor
from backend.rules.upkeep import Due, Expiry, idle_since, is_idle, warned, warning_lead, what_is_due
from backend.services.config import value_of
from backend.services.inbox import tell
from backend.services.showing import changed
from backend.services.sizes import type_of
from backend.services.targets import announce_change, locked
from backend.services.views import ContainerView
from backend.services.wishing import wish_gone, wish_off

_WARNED_AT_MOST = timedelta(hours=720)
"""The longest time before an end that EXPIRY_WARNING_H can name."""


@operation(Action.CONTAINER_KEEP)
async def keep(tx: Tx, actor: Actor, container_id: int) -> ContainerView:
    """Begin its lifetime anew: it expires as many hours from now as its type allows.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Conflict: it does not expire, or is being deleted.
    """
    container = await locked(Action.CONTAINER_KEEP, tx, actor, container_id)
    kind = await type_of(tx, container)
    if container.expires_at is None or kind is None or not kind.lifetime_h:
        raise Conflict("It does not expire.")
    container.expires_at = now() + timedelta(hours=kind.lifetime_h)
    container.expiry_warned_at = None
    note(message=f"until {_when(container.expires_at)}")
    return await changed(tx, container, actor)


@operation(Action.CONTAINER_STOP_IDLE)
async def stop_idle(tx: Tx, actor: Actor, container_id: int, *, watched_since: datetime, at: datetime) -> bool:
    """Stop a container that nobody has used for as long as its type allows, and tell its owner. False: it was used.

    Args:
        watched_since: since when somebody would have noticed a use; before that nobody can say that it was idle.
    """
    container = await _taken(tx, actor, Action.CONTAINER_STOP_IDLE, container_id)
    kind = await type_of(tx, container)
    if kind is None or not _runs_idle(container, kind, watched_since, at):
        return False
    wish_off(tx, container)
    note(message=f"idle for {kind.idle_stop_min} minutes")
    text = f"Nobody used it for {_span(kind.idle_stop_min)}. Its disk is kept; start it again when you need it."
    await _tell(tx, container, Notice.STOPPED_IDLE, f"“{container.name}” was stopped", text)
    return True


@operation(Action.CONTAINER_WARN_EXPIRY)
async def warn_expiry(tx: Tx, actor: Actor, container_id: int, *, at: datetime) -> bool:
    """Tell the owner of a container that its time is nearly over, once. False: it is not."""
    container = await _taken(tx, actor, Action.CONTAINER_WARN_EXPIRY, container_id)
    expiry, lead = _expiry(container), await _lead_of(tx, container)
    if what_is_due(expiry, lead=lead, at=at) is not Due.WARN:
        return False
    after = warned(expiry, lead=lead, at=at)
    container.expires_at, container.expiry_warned_at = after.expires_at, after.warned_at
    note(message=f"expires {_when(after.expires_at)}")
    announce_change(tx, container)
    text = f"It is deleted with its disk on {_when(after.expires_at)}. Its page has a button to keep it longer."
    await _tell(tx, container, Notice.EXPIRES_SOON, f"“{container.name}” expires soon", text)
    return True


@operation(Action.CONTAINER_EXPIRE)
async def expire(tx: Tx, actor: Actor, container_id: int, *, at: datetime) -> bool:
    """Delete a container whose time is over and whose owner was warned of it. False: it was kept meanwhile."""
    container = await _taken(tx, actor, Action.CONTAINER_EXPIRE, container_id)
    if what_is_due(_expiry(container), lead=await _lead_of(tx, container), at=at) is not Due.DELETE:
        return False
    wish_gone(tx, container, at)
    note(message=f"expired {_when(container.expires_at)}")
    text = "Its time was over and nobody kept it. It was deleted, with its disk."
    await tell(tx, container.user_id, Notice.EXPIRED, f"“{container.name}” has expired", text, link="/")
    return True


async def idle_ids(tx: Tx, *, watched_since: datetime, at: datetime) -> list[int]:
    """Containers to stop. Those of a node that does not answer are left alone: nobody can see what they do."""
    query = (
        select(Container, ContainerType)
        .join(ContainerType)
        .join(Node, col(Node.id) == Container.node_id)
        .where(ContainerType.idle_stop_min > 0, col(Node.healthy), col(Container.delete_requested_at).is_(None))
        .where(~col(Container.pooled))
        .where(Container.desired_state == DesiredState.RUNNING, Container.status == Status.RUNNING)
    )
    rows = (await tx.exec(query)).all()
    return [container.id for container, kind in rows if _runs_idle(container, kind, watched_since, at)]


async def expiring(tx: Tx, *, at: datetime) -> list[tuple[int, Due]]:
    """Containers to warn of, and to delete."""
    query = (
        select(Container, ContainerType)
        .join(ContainerType, isouter=True)
        .where(col(Container.expires_at) <= at + _WARNED_AT_MOST, col(Container.delete_requested_at).is_(None))
    )
    warning_h = await value_of(tx, EXPIRY_WARNING_H)
    found: list[tuple[int, Due]] = []
    for container, kind in (await tx.exec(query)).all():
        due = what_is_due(_expiry(container), lead=_lead(kind, warning_h), at=at)
        if due is not None:
            found.append((container.id, due))
    return found


async def _taken(tx: Tx, actor: Actor, action: Action, container_id: int) -> Container:
    require(actor, action)
    note("container", container_id)
    query = select(Container).where(Container.id == container_id, col(Container.delete_requested_at).is_(None))
    container = (await tx.exec(query.with_for_update())).first()
    if container is None:
        raise NotFound("That container")
    return container


def _runs_idle(container: Container, kind: ContainerType, watched_since: datetime, at: datetime) -> bool:
    runs = container.desired_state is DesiredState.RUNNING and container.status is Status.RUNNING
    since = idle_since(container.last_active_at, container.booted_at, watched_since)
    return runs and is_idle(since, kind.idle_stop_min, at=at)


def _expiry(container: Container) -> Expiry:
    return Expiry(container.expires_at, container.expiry_warned_at)


async def _lead_of(tx: Tx, container: Container) -> timedelta:
    return _lead(await type_of(tx, container), await value_of(tx, EXPIRY_WARNING_H))


def _lead(kind: ContainerType | None, warning_h: int) -> timedelta:
    return warning_lead(kind.lifetime_h if kind else 0, warning_h)


async def _tell(tx: Tx, container: Container, kind: Notice, title: str, text: str) -> None:
    await tell(tx, container.user_id, kind, title, text, link=f"/containers/{container.id}", container_id=container.id)


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d at %H:%M} UTC" if at else ""


def _span(minutes: int) -> str:
    return f"{minutes} minutes" if minutes < 120 or minutes % 60 else f"{minutes // 60} hours"
