"""Rows for tests, with sensible values for all that a test does not care about."""

from itertools import count

from sqlmodel import select

from backend.db import Tx, transaction
from backend.models import Container, ContainerType, DesiredState, Node, ResourceQuota, Status, User
from backend.rules.policy import Actor
from backend.services import teams
from backend.services.quotas import make_quota

_numbers = count(1)


async def an_actor(tx: Tx, *, limit: int | None = 3, is_superuser: bool = False) -> Actor:
    """A signed-in user with a quota; without a `limit`, of the default credits."""
    name = f"user{next(_numbers)}"
    user = User(username=name, password_hash="!", is_superuser=is_superuser)
    tx.add(user)
    await tx.flush()
    quota = await make_quota(tx, user)
    if limit is not None:
        quota.credits = limit
    return Actor(user.id, name, is_superuser)


async def make_quota_of(tx: Tx) -> ResourceQuota:
    """The quota that a new user gets."""
    actor = await an_actor(tx, limit=None)
    return (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == actor.user_id))).one()


async def a_node(tx: Tx, *, mem_mb: int = 16_384, vcpus: int = 16, healthy: bool = True) -> Node:
    """A node that answers and can boot machines."""
    name = f"node{next(_numbers)}"
    node = Node(
        name=name,
        uri=f"memory://{name}",
        arch="x86_64",
        capacity_mem_mb=mem_mb,
        capacity_vcpus=vcpus,
        healthy=healthy,
        prepared=True,
        reason="",
        acceleration="tcg",
    )
    tx.add(node)
    await tx.flush()
    return node


async def a_type(tx: Tx, name: str = "small") -> ContainerType:
    """One of the seeded types."""
    return (await tx.exec(select(ContainerType).where(ContainerType.container_type_name == name))).one()


async def a_container(
    tx: Tx,
    owner: Actor,
    node: Node,
    *,
    status: Status = Status.RUNNING,
    desired: DesiredState = DesiredState.RUNNING,
    **more: object,
) -> Container:
    """A container as if it had been made long ago."""
    quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == owner.user_id))).one()
    usual = {
        "name": f"container-{next(_numbers)}",
        "container_type_id": (await a_type(tx)).id,
        "memory_mb": 1024,
        "vcpus": 1,
        "disk_gib": 5,
        "disk_made_gib": 5,
        "has_disk": True,
    }
    container = Container(
        user_id=owner.user_id,
        node_id=node.id,
        resource_quota_id=quota.id,
        desired_state=desired,
        status=status,
        **(usual | more),
    )
    tx.add(container)
    await tx.flush()
    return container


async def a_world(*, limit: int = 3, mem_mb: int = 16_384) -> tuple[Actor, Node]:
    """One user and one node, committed."""
    async with transaction() as tx:
        return await an_actor(tx, limit=limit), await a_node(tx, mem_mb=mem_mb)


async def a_world_on(uri: str, *, limit: int = 10) -> tuple[Actor, Node]:
    """One user, and a node at `uri` that nobody has looked at yet."""
    async with transaction() as tx:
        actor = await an_actor(tx, limit=limit)
        node = Node(name="real", uri=uri)
        tx.add(node)
        return actor, node


async def a_team(tx: Tx, owner: Actor, *members: Actor, admins: tuple[Actor, ...] = ()) -> int:
    """A team with these people in it; gives its id."""
    team = await teams.create_team(tx, owner, name=f"Team {next(_numbers)}")
    for each in (*members, *admins):
        role = "admin" if each in admins else "member"
        await teams.add_member(tx, owner, team.id, user_id=each.user_id, role=role)
    return team.id
