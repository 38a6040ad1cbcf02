"""Containers as services hand them out: a row and what stands around it become a ContainerView."""

from datetime import datetime

from sqlmodel import col, select

from backend.db import Tx
from backend.models import Container, ContainerType, DesiredState, Node, User
from backend.rules.lifecycle import is_restart_due, shown_status
from backend.rules.policy import Actor
from backend.services.access import as_seen_by
from backend.services.views import ContainerView, PhaseView


def with_surroundings():  # a query's type would say less than the query
    """Select each container with its owner, node and type."""
    query = select(Container, User, Node, ContainerType).join(User)
    return query.join(Node, col(Node.id) == Container.node_id).join(ContainerType, isouter=True)


async def shown(tx: Tx, container: Container, actor: Actor) -> ContainerView:
    """The container as it is now in this transaction, and as the actor sees it."""
    await tx.flush()
    row = (await tx.exec(with_surroundings().where(Container.id == container.id))).one()
    return (await as_seen_by(tx, actor, [view(*row)]))[0]


def view(container: Container, user: User, node: Node, container_type: ContainerType | None) -> ContainerView:
    """What a person may know of a container."""
    status = shown_status(container.status, node_healthy=node.healthy)
    unknown = f"Its node “{node.name}” does not answer. It is left as it is until the node is back."
    return ContainerView(
        id=container.id or 0,
        name=container.name,
        user_id=container.user_id,
        owner=user.username,
        type_name=container_type.container_type_name if container_type else "custom",
        credits_cost=container_type.credits_cost if container_type else 1,
        node_name=node.name,
        memory_mb=container.memory_mb,
        vcpus=container.vcpus,
        disk_gib=container.disk_gib,
        desired_state=container.desired_state,
        status=status,
        reason=unknown if status == "unknown" else container.status_reason,
        phase=container.phase,
        phases=tuple(PhaseView(phase, datetime.fromisoformat(at)) for phase, at in container.phases),
        deleting=container.delete_requested_at is not None,
        restarting=is_restart_due(container.restart_requested_at, container.booted_at)
        and container.desired_state is DesiredState.RUNNING,
        created_at=container.created_at,
        placement=container.placement,
    )
