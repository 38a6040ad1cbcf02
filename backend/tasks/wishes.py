"""What the rows of one node's containers say, read in bulk."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from backend.db import reading
from backend.models import Container
from backend.models.containers import domain_name
from backend.rules.lifecycle import Wish

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
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One container's wish, and the name of its domain."""

    id: int
    name: str
    wish: Wish

    @property
    def intent(self) -> tuple[object, ...]:
        """What a person can change: when it differs, a step that waits should stop waiting."""
        wish = self.wish
        return wish.desired, wish.delete_requested, wish.restart_requested_at


async def wishes_of_node(node_id: int) -> list[Wanted]:
    """Every container of the node."""
    async with reading() as tx:
        connection = await tx.connection()
        rows = await connection.execute(select(*_COLUMNS).where(col(Container.node_id) == node_id))
        return [_wanted(tuple(row)) for row in rows.all()]


async def wish_of(container_id: int) -> Wanted | None:
    """One container; None when its row is gone."""
    async with reading() as tx:
        connection = await tx.connection()
        row = (await connection.execute(select(*_COLUMNS).where(col(Container.id) == container_id))).first()
    return _wanted(tuple(row)) if row else None


def _wanted(row: tuple[Any, ...]) -> Wanted:
    container_id, uuid, desired, status, has_disk, deleted, restarted, booted, stop_asked, retry, is_small = row
    wish = Wish(desired, status, has_disk, deleted is not None, restarted, booted, stop_asked, retry, is_small)
    return Wanted(container_id, domain_name(uuid), wish)
