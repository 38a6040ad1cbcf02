"""The way into a container's guest, for those who were let at it. No use case: an `@operation` asks for a door."""

from dataclasses import dataclass
from datetime import datetime

from backend.db import Tx
from backend.errors import NotFound, NotRunning
from backend.guest.channel import GuestAddress
from backend.guest.shell import reach
from backend.models import Container, Node, Status
from backend.rules.policy import Action, Actor
from backend.rules.timeline import ready_at
from backend.services.targets import visible


@dataclass(frozen=True, slots=True)
class Door:
    """The way into a container's guest. `address()` gives what connects; only while it runs."""

    container_id: int
    domain_name: str
    is_running: bool
    up_since: datetime | None
    node_id: int
    node_uri: str
    private_key_sealed: str
    host_key: str

    async def address(self) -> GuestAddress:
        """Unseal the key and find the node.

        Raises:
            NotRunning: the container does not run.
            Unavailable: the key can't be opened.
        """
        if not self.is_running:
            raise NotRunning
        return await reach(self.node_uri, self.domain_name, self.private_key_sealed, self.host_key)


async def door(action: Action, tx: Tx, actor: Actor, container_id: int) -> Door:
    """The door of a container, if the actor may do `action` to it.

    Raises:
        NotFound, Forbidden: as `targets.visible`; one that is being deleted is gone already.
    """
    container = await visible(action, tx, actor, container_id)
    node = await tx.get(Node, container.node_id)
    if node is None or container.delete_requested_at is not None:
        raise NotFound("That container")
    return door_of(container, node)


def door_of(container: Container, node: Node) -> Door:
    """What its row says of the way in."""
    return Door(
        container_id=container.id,
        domain_name=container.domain_name,
        is_running=container.status is Status.RUNNING and bool(container.host_key),
        up_since=ready_at(container.phases),
        node_id=container.node_id,
        node_uri=node.uri,
        private_key_sealed=container.private_key_sealed,
        host_key=container.host_key,
    )
