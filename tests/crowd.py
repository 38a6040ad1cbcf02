"""Somebody with hundreds of containers, for what must stay quick then."""

from pathlib import Path

from sqlmodel import select

from backend.db import transaction
from backend.models import Container, ContainerType, DesiredState, Node, ResourceQuota, Status, User
from tests.conftest import in_use


async def give_containers(home: Path, username: str, number: int, *, running: int = 0) -> list[int]:
    """Write them into the database of a served installation: `box-000` and so on; so many of them are to run.

    Returns their ids.
    """
    made: list[Container] = []
    async with in_use(f"sqlite:///{home}/pequeroku.sqlite3"), transaction() as tx:
        user = (await tx.exec(select(User).where(User.username == username))).one()
        quota = (await tx.exec(select(ResourceQuota).where(ResourceQuota.user_id == user.id))).one()
        quota.credits = number
        node, kind = (await tx.exec(select(Node))).first(), (await tx.exec(select(ContainerType))).first()
        assert node
        assert kind
        for each in range(number):
            runs = each < running
            made.append(
                Container(
                    name=f"box-{each:03}",
                    user_id=user.id,
                    node_id=node.id,
                    container_type_id=kind.id,
                    resource_quota_id=quota.id,
                    memory_mb=kind.memory_mb,
                    vcpus=kind.vcpus,
                    disk_gib=kind.disk_gib,
                    desired_state=DesiredState.RUNNING if runs else DesiredState.STOPPED,
                    status=Status.CREATED if runs else Status.STOPPED,
                )
            )
        tx.add_all(made)
        await tx.flush()
        return [each.id for each in made]
