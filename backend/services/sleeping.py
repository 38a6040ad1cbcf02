"""Sleep: a container is stopped with what it has in memory kept, and goes on from there when it is started."""

from backend.db import Tx
from backend.errors import Conflict
from backend.models import DesiredState, Status
from backend.operation import operation
from backend.rules.policy import Action, Actor
from backend.services import containers
from backend.services.showing import shown
from backend.services.targets import locked
from backend.services.views import ContainerView
from backend.services.wishing import wish_off


@operation(Action.CONTAINER_SLEEP)
async def sleep(tx: Tx, actor: Actor, container_id: int) -> ContainerView:
    """Ask for the container to be put to sleep. Its credits are free, as if it were stopped; starting it wakes it.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Conflict: it is not running, or is being deleted.
    """
    container = await locked(Action.CONTAINER_SLEEP, tx, actor, container_id)
    if container.sleeps and container.desired_state is DesiredState.STOPPED:
        return await shown(tx, container, actor)
    if container.status is not Status.RUNNING or container.desired_state is not DesiredState.RUNNING:
        raise Conflict("Only what is running can be put to sleep.")
    wish_off(tx, container)
    container.sleeps = True
    return await shown(tx, container, actor)


@operation(Action.CONTAINER_START_AFRESH)
async def start_afresh(tx: Tx, actor: Actor, container_id: int) -> ContainerView:
    """Start a sleeping container from its disk: what it had in memory is lost.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Conflict: it is not asleep, or is being deleted.
        QuotaExceeded, NoRoom: it sleeps on.
    """
    container = await locked(Action.CONTAINER_START_AFRESH, tx, actor, container_id)
    if not container.asleep or container.status not in (Status.STOPPED, Status.ERROR):
        raise Conflict("It is not asleep.")
    container.forgets_memory = True
    await tx.flush()
    return await containers.power_on(tx, actor, container_id)
