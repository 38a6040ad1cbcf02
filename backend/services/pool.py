"""Machines that are kept warm: booted, nobody's yet, and somebody's at once when they create one of that type.

They belong to an account of our own that nobody can sign in to, so whoever runs this sees them among the containers.
"""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from backend.db import Tx
from backend.guest.keys import make_key_pair
from backend.models import Container, ContainerType, DesiredState, Node, ResourceQuota, Status, User
from backend.models.base import now
from backend.rules import pool
from backend.rules.placement import Decision, NodeFacts, Size, choose
from backend.rules.pool import Warm
from backend.rules.upkeep import first_expiry
from backend.services.doors import Door, door_of
from backend.services.identity import add_user
from backend.services.placement import locked_node_facts, node_facts
from backend.services.targets import announce_change
from backend.services.wishing import begin_start, wish_gone

KEEPER = "(warm pool)"
"""No name that anybody can choose."""
_NOTED_EVERY = timedelta(minutes=1)


async def claim(tx: Tx, kind: ContainerType, owner: ResourceQuota, name: str) -> Container | None:
    """Make a warm machine of that type the owner's; None where there is none. Call with the owner's quota locked.

    It runs under its new name, with new keys, a moment later: the reconciler tells it who it is.
    """
    if not kind.poolable:
        return None
    if kind.pool_wanted_at is None or now() - kind.pool_wanted_at > _NOTED_EVERY:
        kind.pool_wanted_at = now()
    query = (
        select(Container, Node)
        .join(Node, col(Node.id) == Container.node_id)
        .where(*_is_warm(), Container.container_type_id == kind.id)
        .where(Container.memory_mb == kind.memory_mb, Container.vcpus == kind.vcpus)
        .where(Container.disk_gib == kind.disk_gib)
        .order_by(col(Container.id))
        .limit(1)
        .with_for_update(of=Container, skip_locked=True)  # pyright: ignore[reportArgumentType]
    )
    found = (await tx.exec(query.execution_options(populate_existing=True))).first()
    if found is None:
        return None
    container, node = found
    weighed = choose(await node_facts(tx), Size(kind.memory_mb, kind.vcpus))
    pair = make_key_pair()
    container.user_id, container.resource_quota_id, container.name = owner.user_id, owner.id, name
    container.created_at = container.last_active_at = now()
    container.expires_at = first_expiry(container.created_at, kind.lifetime_h)
    container.placement = replace(weighed, node_id=node.id, node_name=node.name, warm=True).as_json()
    booted_at = container.booted_at
    begin_start(container)
    container.booted_at = booted_at
    container.public_key, container.private_key_sealed = pair.public, pair.private_sealed
    container.pooled, container.rekeys = False, True
    return container


async def place(tx: Tx, size: Size) -> tuple[Decision, list[NodeFacts]]:
    """A node for a container, as if nothing were kept warm: what of that is in its way, goes."""
    facts = await locked_node_facts(tx)
    decision = choose(facts, size)
    if decision.node_id is not None:
        return decision, facts
    warm = await _warm(tx)
    free = [_without(each, warm) for each in facts]
    decision = choose(free, size)
    node = next((each for each in facts if each.id == decision.node_id), None)
    if node is not None:
        for each in pool.evicted(warm, node, size) or ():
            await _let_go(tx, each)
    return decision, facts


async def is_used(tx: Tx) -> bool:
    """Whether there is anything to keep warm, or to let go of."""
    kind = select(ContainerType.id).where(ContainerType.poolable).limit(1)
    kept = select(Container.id).where(col(Container.pooled), col(Container.delete_requested_at).is_(None)).limit(1)
    return (await tx.exec(kind)).first() is not None or (await tx.exec(kept)).first() is not None


async def warm_doors(tx: Tx) -> list[Door]:
    """The ways into what may be claimed now."""
    query = select(Container, Node).join(Node, col(Node.id) == Container.node_id).where(*_is_warm())
    return [door_of(container, node) for container, node in (await tx.exec(query)).all()]


async def refill(tx: Tx) -> int:
    """Boot what is lacking and let go of what is too much; returns how many that were.

    One process does so at a time.
    """
    at = now()
    kinds = {each.id: each for each in (await tx.exec(select(ContainerType))).all()}
    keep = {each.id: pool.wanted(each.pool_target, each.pool_wanted_at, at) for each in kinds.values() if each.poolable}
    warm = await _warm(tx)
    if not keep and not warm:
        return 0
    facts = {each.id: each for each in await locked_node_facts(tx)}
    there: dict[tuple[int, int], list[Warm]] = defaultdict(list)
    for each in warm:
        there[each.node_id, each.type_id].append(each)
    going = [each for (_, kind_id), some in there.items() for each in pool.surplus(some, keep.get(kind_id, 0))]
    for each in going:
        await _let_go(tx, each)
    made, keeper = 0, await _keeper(tx)
    if keeper is None:
        return len(going)
    for kind_id, many in keep.items():
        kind = kinds[kind_id]
        for node_id in facts:
            have = len(there[node_id, kind_id])
            size = Size(kind.memory_mb, kind.vcpus)
            new = pool.lacking(facts[node_id], size, have=have, keep=many)
            for _ in range(new):
                await _boot(tx, kind, facts[node_id], keeper)
            facts[node_id] = _with(facts[node_id], size, new)
            made += new
    return made + len(going)


def _is_warm() -> tuple[ColumnElement[bool], ...]:
    """Up, and neither going nor moving, on a node that answers."""
    return (
        col(Container.pooled).is_(True),
        col(Container.status) == Status.RUNNING,
        col(Container.desired_state) == DesiredState.RUNNING,
        col(Container.delete_requested_at).is_(None),
        col(Container.move_to_node_id).is_(None),
        col(Container.host_key) != "",
        col(Node.healthy).is_(True),
        col(Node.draining).is_(False),
    )


async def _warm(tx: Tx) -> list[Warm]:
    """What is kept warm, or is on its way to it. One that failed is not wanted: another one may do better."""
    query = (
        select(Container, ContainerType)
        .join(ContainerType, isouter=True)
        .where(col(Container.pooled), col(Container.delete_requested_at).is_(None))
        .order_by(col(Container.id))
    )
    return [_view(container, kind) for container, kind in (await tx.exec(query)).all()]


def _view(container: Container, kind: ContainerType | None) -> Warm:
    size = Size(container.memory_mb, container.vcpus)
    is_wanted = (
        kind is not None
        and kind.poolable
        and (size, container.disk_gib) == (Size(kind.memory_mb, kind.vcpus), kind.disk_gib)
        and container.status is not Status.ERROR
        and container.desired_state is DesiredState.RUNNING
    )
    return Warm(container.id, container.container_type_id or 0, container.node_id, size, is_wanted)


async def _let_go(tx: Tx, warm: Warm) -> None:
    """Unless somebody has just taken it."""
    query = select(Container).where(Container.id == warm.container_id, col(Container.pooled))
    container = (await tx.exec(query.with_for_update().execution_options(populate_existing=True))).first()
    if container is not None:
        wish_gone(tx, container, now())


async def _boot(tx: Tx, kind: ContainerType, node: NodeFacts, keeper: ResourceQuota) -> None:
    container = Container(
        name=f"warm-{secrets.token_hex(6)}",
        user_id=keeper.user_id,
        node_id=node.id,
        container_type_id=kind.id,
        resource_quota_id=keeper.id,
        memory_mb=kind.memory_mb,
        vcpus=kind.vcpus,
        disk_gib=kind.disk_gib,
        placement=Decision(node.id, node.name, ()).as_json(),
        pooled=True,
    )
    begin_start(container)
    tx.add(container)
    await tx.flush()
    announce_change(tx, container)


async def _keeper(tx: Tx) -> ResourceQuota | None:
    """The quota of the account that warm machines belong to, made when it is first needed.

    None while somebody has it removed: it goes with its machines, and another one is made.
    """
    query = select(ResourceQuota, User).join(User, col(User.id) == ResourceQuota.user_id)
    query = query.where(User.username == KEEPER)
    found = (await tx.exec(query)).first()
    if found is None:
        await add_user(tx, User(username=KEEPER, password_hash="", is_active=False))
        found = (await tx.exec(query)).one()
    quota, user = found
    return quota if user.delete_requested_at is None else None


def _without(node: NodeFacts, warm: Sequence[Warm]) -> NodeFacts:
    here = [each for each in warm if each.node_id == node.id]
    return replace(
        node,
        used_mem_mb=node.used_mem_mb - sum(each.size.memory_mb for each in here),
        used_vcpus=node.used_vcpus - sum(each.size.vcpus for each in here),
        running_containers=node.running_containers - len(here),
    )


def _with(node: NodeFacts, size: Size, many: int) -> NodeFacts:
    return replace(
        node,
        used_mem_mb=node.used_mem_mb + many * size.memory_mb,
        used_vcpus=node.used_vcpus + many * size.vcpus,
        running_containers=node.running_containers + many,
    )
