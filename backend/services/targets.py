"""What an operation is about: found, allowed, locked. The one place that says who is let at a container.

The action comes first here, because these are no use cases: an `@operation` calls them.
"""

from typing import Protocol, TypeVar

from backend.db import Tx
from backend.errors import Conflict, NotFound
from backend.events.bus import ContainerChanged, WishChanged, announce
from backend.models import Container, DesiredState
from backend.operation import note, require
from backend.rules.policy import Action, Actor
from backend.services.access import role_of


class _Owned(Protocol):
    user_id: int


T = TypeVar("T", bound=_Owned)


async def owned(action: Action, tx: Tx, actor: Actor, table: type[T], row_id: int, what: str) -> T:
    """A row that is one person's alone, locked, if the actor may do `action` to it; refusals call it `what`.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    row = await tx.get(table, row_id, with_for_update=True)
    require(actor, action, owner_id=row.user_id if row is not None else None, what=what)
    if row is None:
        raise NotFound(what)
    return row


async def visible(action: Action, tx: Tx, actor: Actor, container_id: int) -> Container:
    """The container, if the actor may do `action` to it.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Forbidden: visible, but not the actor's to do that to.
    """
    note("container", container_id)
    container = await tx.get(Container, container_id)
    owner_id = container.user_id if container else None
    role = await role_of(tx, actor, container) if container and owner_id != actor.user_id else None
    require(actor, action, owner_id=owner_id, role=role, what="That container")
    if container is None:
        raise NotFound("That container")
    return container


async def locked(action: Action, tx: Tx, actor: Actor, container_id: int) -> Container:
    """As `visible`, with the row locked and read anew.

    Raises:
        NotFound, Forbidden: as `visible`.
        Conflict: it is being deleted.
    """
    container = await visible(action, tx, actor, container_id)
    await tx.refresh(container, with_for_update=True)
    refuse_if_going(container)
    return container


def refuse_if_going(container: Container) -> None:
    """Nothing more can be wished of what is being deleted.

    Raises:
        Conflict: it is.
    """
    if container.delete_requested_at is not None:
        raise Conflict("It is being deleted.")


def is_asleep(container: Container) -> bool:
    """What it has in memory is kept, or is about to be."""
    return container.asleep or (container.sleeps and container.desired_state is DesiredState.STOPPED)


def refuse_if_asleep(container: Container) -> None:
    """What it has in memory fits its size and its disk as they are.

    Raises:
        Conflict: it is asleep, or about to be.
    """
    if is_asleep(container):
        raise Conflict("It is asleep. Wake it first, and stop it if need be.")


def announce_change(tx: Tx, container: Container) -> None:
    """After the commit: its node looks at once, and the pages that show it are drawn anew."""
    announce(tx, WishChanged(container.node_id))
    announce(tx, ContainerChanged(container.id, container.user_id))
