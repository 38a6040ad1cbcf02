"""Use cases on containers. Each records a wish and returns at once; the reconciler makes it true."""

import random
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import timedelta

from backend.db import Tx
from backend.errors import Conflict, Forbidden, NameTaken, NoRoom, QuotaExceeded
from backend.models import Container, ContainerType, DesiredState, ResourceQuota, Status, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import names
from backend.rules.feed import FeedKind
from backend.rules.placement import Size
from backend.rules.policy import Action, Actor
from backend.rules.upkeep import first_expiry
from backend.services import feed, pool
from backend.services.container_search import EVERYTHING, Search, listing
from backend.services.naming import names_of
from backend.services.quotas import can_create_container, check_credits, kept_type, locked_quota, type_named
from backend.services.showing import changed, shown, views
from backend.services.sizes import take_size, type_of
from backend.services.targets import locked, refuse_if_going, visible
from backend.services.views import ContainerView
from backend.services.wishing import begin_start, wish_gone, wish_off

_rng = random.Random()  # noqa: S311 - names, not secrets


@operation(Action.CONTAINER_LIST)
async def list_visible(
    tx: Tx,
    actor: Actor,
    search: Search = EVERYTHING,
    *,
    before_id: int | None = None,
    limit: int | None = None,
    offset: int = 0,
    with_credits: bool = True,
) -> list[ContainerView]:
    """What is the actor's own or shared with them, newest first; of those with an id below `before_id`.

    Args:
        with_credits: also what each start would leave, which programs don't ask for.
    """
    require(actor, Action.CONTAINER_LIST)
    query = listing(Actor(actor.user_id), search, before_id, limit, offset)
    rows = (await (await tx.connection()).execute(query)).all()
    return await views(tx, rows, actor, with_credits=with_credits)


@operation(Action.CONTAINER_READ)
async def get(tx: Tx, actor: Actor, container_id: int) -> ContainerView:
    """One container.

    Raises:
        NotFound: no such container, or not the actor's to see.
    """
    container = await visible(Action.CONTAINER_READ, tx, actor, container_id)
    return await shown(tx, container, actor)


@operation(Action.CONTAINER_CREATE)
async def create(
    tx: Tx,
    actor: Actor,
    *,
    container_type_id: int | None = None,
    container_type: str = "",
    name: str = "",
    ttl_s: int = 0,
) -> ContainerView:
    """Place a new container on a node and ask for it to run. Its type is given by id, or by name.

    Args:
        ttl_s: seconds after which it is deleted without a warning; 0: as its type says.

    Raises:
        Invalid: no such type, or a name that can't be a hostname.
        TypeNotAllowed, NameTaken, QuotaExceeded, NoRoom: nothing was made.
    """
    require(actor, Action.CONTAINER_CREATE)
    owner_id = actor.person_id
    quota = await locked_quota(tx, owner_id)
    if container_type_id is None:
        container_type_id = await type_named(tx, quota, container_type)
    wanted = await kept_type(tx, container_type_id)
    taken = await names_of(tx, owner_id)
    chosen = _fresh_name(taken) if not name.strip() else names.container_name(name)
    if chosen in taken:
        raise NameTaken(chosen)
    await can_create_container(tx, quota, wanted)
    container = await pool.claim(tx, wanted, quota, chosen) or await _placed(tx, quota, chosen, wanted)
    _end_within(container, ttl_s)
    tx.add(container)
    await tx.flush()
    feed.tell_of_container(tx, container, FeedKind.CONTAINER_CREATED)
    where = container.placement["node_name"]
    note("container", container.id, f"{chosen} on {where}", type=wanted.container_type_name, warm=container.rekeys)
    return await changed(tx, container, actor)


@operation(Action.CONTAINER_POWER_ON)
async def power_on(tx: Tx, actor: Actor, container_id: int) -> ContainerView:
    """Ask for the container to run. After an error this is the retry. Asking twice is asking once.

    Raises:
        NotFound: no such container, or not the actor's to see.
        QuotaExceeded, NoRoom, Conflict: it stays as it is.
    """
    container = await visible(Action.CONTAINER_POWER_ON, tx, actor, container_id)
    quota = await locked_quota(tx, container.user_id)
    await tx.refresh(container, with_for_update=True)
    refuse_if_going(container)
    if container.desired_state is not DesiredState.RUNNING:
        kind = await type_of(tx, container)
        with _in_words_for(actor, container, await tx.get_one(User, container.user_id)):
            await check_credits(tx, quota, kind)
        await take_size(tx, container, kind, runs=True)
        container.sleeps = False
        container.desired_state, container.last_active_at = DesiredState.RUNNING, now()
        if container.status is not Status.RUNNING:
            begin_start(container)
        elif container.stop_asked_at is not None:
            container.restart_requested_at = now()  # the guest is on its way down already
    elif container.status is Status.ERROR:
        begin_start(container)
        container.restart_requested_at = now()  # whatever state the machine is in, begin again from its disk
    return await changed(tx, container, actor)


@operation(Action.CONTAINER_POWER_OFF)
async def power_off(tx: Tx, actor: Actor, container_id: int) -> ContainerView:
    """Ask for the container to be shut down: the guest first, and after the grace time without it.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Conflict: it is being deleted.
    """
    container = await locked(Action.CONTAINER_POWER_OFF, tx, actor, container_id)
    wish_off(tx, container)
    return await shown(tx, container, actor)


@operation(Action.CONTAINER_RESTART)
async def restart(tx: Tx, actor: Actor, container_id: int) -> ContainerView:
    """Ask for a clean shutdown and a new boot. It takes its type's size, if that changed and its node has the room.

    Raises:
        NotFound: no such container, or not the actor's to see.
        Conflict: it is not meant to run, or is being deleted.
    """
    container = await locked(Action.CONTAINER_RESTART, tx, actor, container_id)
    if container.desired_state is not DesiredState.RUNNING:
        raise Conflict("It is stopped: start it instead.")
    with suppress(NoRoom):
        await take_size(tx, container, await type_of(tx, container), runs=True)
    container.restart_requested_at = now()
    container.stop_asked_at = None
    container.retry_at = None
    if container.status is Status.ERROR:
        begin_start(container)
    return await changed(tx, container, actor)


@operation(Action.CONTAINER_DELETE)
async def delete(tx: Tx, actor: Actor, container_id: int) -> ContainerView:
    """Ask for the container to be removed, with its disk. It can't be taken back; its credits are free at once.

    Raises:
        NotFound: no such container, or not the actor's to see.
    """
    container = await visible(Action.CONTAINER_DELETE, tx, actor, container_id)
    await tx.refresh(container, with_for_update=True)
    if container.delete_requested_at is None:
        wish_gone(tx, container, now())
    return await shown(tx, container, actor)


@contextmanager
def _in_words_for(actor: Actor, container: Container, owner: User) -> Generator[None]:
    """Credits are the owner's, whoever starts it: then a refusal must not speak of “your” quota."""
    try:
        yield
    except (Forbidden, QuotaExceeded) as refusal:
        if actor.user_id in (container.user_id, None):  # what a schedule is refused is told to the owner
            raise
        why = "not enough of them are left" if isinstance(refusal, QuotaExceeded) else "their quota is not active"
        raise Conflict(f"It runs on {owner.username}’s credits, and {why}. Ask them.") from refusal


async def _placed(tx: Tx, quota: ResourceQuota, name: str, wanted: ContainerType) -> Container:
    """A new one, on the node with the most room.

    Raises:
        NoRoom: on none.
    """
    decision, facts = await pool.place(tx, Size(wanted.memory_mb, wanted.vcpus))
    if decision.node_id is None:
        raise NoRoom(decision.why_nobody, full=any(node.is_up for node in facts))
    container = Container(
        name=name,
        user_id=quota.user_id,
        node_id=decision.node_id,
        container_type_id=wanted.id,
        resource_quota_id=quota.id,
        memory_mb=wanted.memory_mb,
        vcpus=wanted.vcpus,
        disk_gib=wanted.disk_gib,
        placement=decision.as_json(),
        last_active_at=now(),
    )
    container.expires_at = first_expiry(container.created_at, wanted.lifetime_h)
    begin_start(container)
    return container


def _end_within(container: Container, ttl_s: int) -> None:
    """Who chose the end needs no warning of it. What its type says comes first, where that is sooner; 0: it alone."""
    end = now() + timedelta(seconds=ttl_s)
    if ttl_s and (container.expires_at is None or end < container.expires_at):
        container.expires_at, container.expiry_warned_at = end, now()


def _fresh_name(taken: set[str]) -> str:
    while (name := names.random_name(_rng)) in taken:
        pass
    return name
