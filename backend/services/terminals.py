"""Who may use the terminals of a container."""

from dataclasses import dataclass

from backend.db import Tx
from backend.errors import NotFound, Unavailable
from backend.guest.channel import GuestAddress
from backend.guest.shell import reach
from backend.models import Node, Status
from backend.operation import note, operation
from backend.rules.policy import Action, Actor
from backend.services.targets import visible


@dataclass(frozen=True, slots=True)
class Door:
    """The way into a container's guest. `address()` gives what connects; only while it runs."""

    container_id: int
    domain_name: str
    is_running: bool
    node_id: int
    node_uri: str
    private_key_sealed: str
    host_key: str

    async def address(self) -> GuestAddress:
        """Unseal the key and find the node.

        Raises:
            Unavailable: the container does not run, or the key can't be opened.
        """
        if not self.is_running:
            raise Unavailable("The container is not running.")
        return await reach(self.node_id, self.node_uri, self.domain_name, self.private_key_sealed, self.host_key)


@operation(Action.TERMINAL_OPEN)
async def enter(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let the actor at the container's terminals.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Forbidden: the actor may look at it only.
    """
    return await _door(tx, actor, Action.TERMINAL_OPEN, container_id)


@operation(Action.TERMINAL_CLOSE)
async def close(tx: Tx, actor: Actor, container_id: int, terminal_id: str) -> Door:
    """Let the actor end one of the container's terminals.

    Raises:
        NotFound: no such container, or not the actor's to see.
    """
    note(message=f"terminal {terminal_id[:16]}")
    return await _door(tx, actor, Action.TERMINAL_CLOSE, container_id)


@operation(Action.TERMINAL_LOOK)
async def look(tx: Tx, actor: Actor, container_id: int) -> Door:
    """The same door as `enter`, for somebody who stands in it already.

    Raises:
        NotFound: the container is gone, or not the actor's to see any more.
    """
    return await _door(tx, actor, Action.TERMINAL_LOOK, container_id)


async def _door(tx: Tx, actor: Actor, action: Action, container_id: int) -> Door:
    container = await visible(action, tx, actor, container_id)
    node = await tx.get(Node, container.node_id)
    if node is None or container.delete_requested_at is not None:
        raise NotFound("That container")
    return Door(
        container_id=container_id,
        domain_name=container.domain_name,
        is_running=container.status is Status.RUNNING and bool(container.host_key),
        node_id=container.node_id,
        node_uri=node.uri,
        private_key_sealed=container.private_key_sealed,
        host_key=container.host_key,
    )
