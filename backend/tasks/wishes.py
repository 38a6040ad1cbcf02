"""What the rows of one node's containers say, read in bulk."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from backend.db import reading
from backend.models import Container
from backend.models.containers import domain_name
from backend.rules.lifecycle import Wish
from backend.rules.moves import Move, MoveWay
from backend.services.lending import is_lent

_COLUMNS = (
    col(Container.id),
    col(Container.uuid),
    col(Container.desired_state),
    col(Container.status),
    col(Container.has_disk),
    col(Container.delete_requested_at),
    col(Container.restart_requested_at),
    col(Container.booted_at),
    col(Container.stop_asked_at),
    col(Container.retry_at),
    col(Container.disk_made_gib) < col(Container.disk_gib),
    col(Container.disk),
    col(Container.move_to_node_id),
    col(Container.move_way),
    col(Container.move_disk),
    col(Container.move_after),
    col(Container.sleeps),
    col(Container.asleep),
    col(Container.forgets_memory),
    col(Container.copy_of).is_not(None),
    col(Container.copy_disk) != "",
    is_lent(),
    col(Container.restore_to) != "",
    col(Container.checkpoints_due),
    col(Container.rekeys),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One container's wish, and the names of its domain and its disk."""

    id: int
    name: str
    disk: str
    wish: Wish

    @property
    def intent(self) -> tuple[object, ...]:
        """What a person can change: when it differs, a step that waits should stop waiting."""
        wish = self.wish
        return wish.desired, wish.delete_requested, wish.restart_requested_at, wish.forgets, wish.restores


async def wishes_of_node(node_id: int) -> list[Wanted]:
    """Every container of the node."""
    async with reading() as tx:
        connection = await tx.connection()
        rows = await connection.execute(select(*_COLUMNS).where(col(Container.node_id) == node_id))
        return [_wanted(tuple(row)) for row in rows.all()]


async def wish_of(container_id: int, node_id: int) -> Wanted | None:
    """One container; None when its row is gone, or is another node's."""
    query = select(*_COLUMNS).where(col(Container.id) == container_id, col(Container.node_id) == node_id)
    async with reading() as tx:
        connection = await tx.connection()
        row = (await connection.execute(query)).first()
    return _wanted(tuple(row)) if row else None


def _wanted(row: tuple[Any, ...]) -> Wanted:
    container_id, uuid, desired, status, has_disk, deleted, *moments, is_small, disk = row[:12]
    sleeps, asleep, forgets, copies, copy_begun, lent, restores, checkpoints_due, rekeys = row[16:]
    wish = Wish(
        desired, status, has_disk, deleted is not None, *moments, disk_is_small=is_small, move=_move(*row[12:16]),
        sleeps=sleeps, asleep=asleep, forgets=forgets, copies=copies, copy_begun=copy_begun, lent=lent,
        restores=restores, checkpoints_due=checkpoints_due, rekeys=rekeys,
    )  # fmt: skip
    name = domain_name(uuid)
    return Wanted(container_id, name, disk or name, wish)


def _move(to_node_id: int | None, way: MoveWay, disk: str, after: datetime | None) -> Move | None:
    return None if to_node_id is None else Move(to_node_id, way, bool(disk), after)
