"""Containers as services hand them out: a row and what stands around it become a ContainerView."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from backend.db import Tx
from backend.models import Container, ContainerType, DesiredState, Node, User
from backend.rules.credits import UNTYPED_COST, forecast
from backend.rules.lifecycle import is_restart_due, shown_status
from backend.rules.policy import Actor
from backend.services.access import as_seen_by
from backend.services.quotas import purses_of
from backend.services.row_sizes import full_size, overrides_of, wanted_size
from backend.services.targets import announce_change
from backend.services.views import ContainerView, CreditsView, PhaseView


def with_surroundings():  # a query's type would say less than the query
    """Select each container with its owner, node and type."""
    query = select(Container, User, Node, ContainerType).join(User)
    return query.join(Node, col(Node.id) == Container.node_id).join(ContainerType, isouter=True)


async def shown(tx: Tx, container: Container, actor: Actor) -> ContainerView:
    """The container as it is now in this transaction, and as the actor sees it."""
    await tx.flush()
    rows = (await tx.exec(with_surroundings().where(Container.id == container.id))).all()
    return (await views(tx, rows, actor))[0]


async def changed(tx: Tx, container: Container, actor: Actor) -> ContainerView:
    """Tell of the change once it is committed; returns the container as `shown`."""
    announce_change(tx, container)
    return await shown(tx, container, actor)


async def views(
    tx: Tx, rows: Sequence[tuple[Container, User, Node, ContainerType | None]], actor: Actor
) -> list[ContainerView]:
    """What the actor may know of containers, from rows of a query that began `with_surroundings`.

    Somebody else's credits are not among it.
    """
    owners = {container.user_id for container, *_ in rows}
    purses = await purses_of(tx, owners if actor.is_superuser else owners & {actor.user_id})
    return await as_seen_by(tx, actor, [_view(*row, purse=purses.get(row[0].user_id)) for row in rows])


def _view(
    container: Container, user: User, node: Node, container_type: ContainerType | None, *, purse: CreditsView | None
) -> ContainerView:
    status = shown_status(container.status, node_healthy=node.healthy)
    unknown = f"Its node “{node.name}” does not answer. It is left as it is until the node is back."
    return ContainerView(
        id=container.id,
        name=container.name,
        user_id=container.user_id,
        owner=user.username,
        type_name=container_type.container_type_name if container_type else "custom",
        credits_cost=container_type.credits_cost if container_type else UNTYPED_COST,
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
        **_life(container, container_type, purse),
    )


def _life(container: Container, kind: ContainerType | None, purse: CreditsView | None) -> dict[str, Any]:
    """Size, price and time: what the present has in store for it."""
    cost = kind.credits_cost if kind else None
    ahead = forecast([purse.used], limit=purse.limit, starts={"it": cost}) if purse and purse.active else None
    wanted = wanted_size(container, kind)
    return {
        "leaves": ahead.after["it"] if ahead else None,
        "limit": ahead.limit if ahead else 0,
        "overridden": overrides_of(container).names,
        "next_size": wanted if wanted != full_size(container) else None,
        "idle_stop_min": kind.idle_stop_min if kind else 0,
        "lifetime_h": kind.lifetime_h if kind else 0,
        "expires_at": container.expires_at,
        "is_expiry_near": container.expiry_warned_at is not None,
    }
