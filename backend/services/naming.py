"""What containers are called: each of its owner's by another name."""

from sqlmodel import col, select

from backend.db import Tx
from backend.errors import NameTaken
from backend.models import Container, User
from backend.operation import note, operation
from backend.rules import names
from backend.rules.policy import Action, Actor
from backend.services.quotas import locked_quota
from backend.services.showing import changed
from backend.services.targets import refuse_if_going, visible
from backend.services.views import ContainerView


@operation(Action.CONTAINER_RENAME)
async def rename(tx: Tx, actor: Actor, container_id: int, name: str) -> ContainerView:
    """Call a container something else. The system inside is called so from its next boot on.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Invalid: that can't be a hostname.
        NameTaken: its owner has another one of that name.
        Conflict: it is being deleted.
    """
    container = await visible(Action.CONTAINER_RENAME, tx, actor, container_id)
    chosen = names.container_name(name)
    await locked_quota(tx, container.user_id)  # as a creation does: of two that want a name, one comes too late
    await tx.refresh(container, with_for_update=True)
    refuse_if_going(container)
    if chosen in await names_of(tx, container.user_id) - {container.name}:
        owner = "" if actor.user_id == container.user_id else (await tx.get_one(User, container.user_id)).username
        raise NameTaken(chosen, owner=owner)
    note(message=f"{container.name} → {chosen}")
    container.name = chosen
    return await changed(tx, container, actor)


async def names_of(tx: Tx, user_id: int) -> set[str]:
    """The names that somebody's containers have."""
    return set((await tx.exec(select(Container.name).where(col(Container.user_id) == user_id))).all())
