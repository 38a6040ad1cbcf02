"""What a new installation begins with: types, the first admin, this machine's node, templates.

Safe to run at every start.
"""

import secrets
from dataclasses import dataclass

from sqlmodel import col, select

from backend.db import Tx, transaction
from backend.models import ContainerType, Node, User
from backend.rules.policy import SYSTEM
from backend.services import shipping
from backend.services.identity import create_user
from backend.settings import settings

LOCAL_NODE = "local"

_TYPES = (
    ContainerType(container_type_name="small", vcpus=1, memory_mb=1024, disk_gib=5, credits_cost=1),
    ContainerType(container_type_name="medium", vcpus=2, memory_mb=2048, disk_gib=10, credits_cost=2),
    ContainerType(container_type_name="large", vcpus=4, memory_mb=4096, disk_gib=25, credits_cost=4),
)


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """The admin that was just made. `generated` says that nobody has seen the password yet."""

    username: str
    password: str
    generated: bool


async def seed() -> FirstAdmin | None:
    """Put in what is missing; returns the first admin if this run made it."""
    async with transaction() as tx:
        await _types(tx)
        admin = await _first_admin(tx)
        await _local_node(tx)
        await shipping.put_in(tx)
    return admin


async def _types(tx: Tx) -> None:
    if (await tx.exec(select(ContainerType.id).limit(1))).first() is None:
        tx.add_all(ContainerType(**each.model_dump()) for each in _TYPES)
        await tx.flush()


async def _first_admin(tx: Tx) -> FirstAdmin | None:
    if (await tx.exec(select(User.id).where(col(User.is_superuser)).limit(1))).first() is not None:
        return None
    ours = settings()
    given = ours.superuser_password.get_secret_value()
    password = given or secrets.token_urlsafe(12)
    user = await create_user(
        tx,
        SYSTEM,
        username=ours.superuser_username,
        password=password,
        email=ours.superuser_email,
        is_superuser=True,
    )
    return FirstAdmin(user.username, password, generated=not given)


async def _local_node(tx: Tx) -> None:
    """This machine's node follows LOCAL_NODE_URI, which can change from one start to the next."""
    uri = settings().local_node_uri
    if not uri:
        return
    node = (await tx.exec(select(Node).where(Node.name == LOCAL_NODE))).first()
    if node is None:
        tx.add(Node(name=LOCAL_NODE, uri=uri))
    elif node.uri != uri:
        node.uri = uri
