"""Containers as services hand them out: a row and what stands around it become a ContainerView."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import JSON, Row, Select, String
from sqlalchemy import cast as sql_cast
from sqlalchemy import select as sa_select
from sqlmodel import col

from backend.db import Tx
from backend.models import Container, ContainerType, DesiredState, Node, User
from backend.rules.credits import UNTYPED_COST, forecast
from backend.rules.lifecycle import is_restart_due, shown_status
from backend.rules.policy import Actor
from backend.services.access import Standing, standings
from backend.services.quotas import purses_of
from backend.services.row_sizes import full_size, overrides_of, wanted_size
from backend.services.targets import announce_change, is_asleep
from backend.services.views import ContainerView, CreditsView, PhaseView

_OF_CONTAINER = (
    "id", "name", "user_id", "node_id", "container_type_id", "memory_mb", "vcpus", "disk_gib", "memory_mb_override",
    "vcpus_override", "disk_gib_override", "placement", "created_at", "desired_state", "restart_requested_at",
    "delete_requested_at", "status", "status_reason", "phase", "phases", "booted_at", "expires_at", "expiry_warned_at",
    "asleep", "sleeps", "has_disk",
)  # fmt: skip
_OF_TYPE = (
    "container_type_name", "memory_mb", "vcpus", "disk_gib", "credits_cost", "idle_stop_min", "lifetime_h"
)  # fmt: skip
_KEPT = 2000
"""Views that are kept, for whoever looks at the same unchanged rows again; a few MiB."""


@lru_cache
def surroundings() -> Select[*tuple[Any, ...]]:
    """Select what a view shows of each container, its owner, node and type; as plain rows, which can be compared."""
    own = [_plain(getattr(Container, name)).label(name) for name in _OF_CONTAINER]
    beside: list[Any] = [User.username, col(Node.name).label("node_name"), col(Node.healthy).label("node_healthy")]
    kind: list[Any] = [col(getattr(ContainerType, name)).label(f"type_{name}") for name in _OF_TYPE]
    query = sa_select(*own, *beside, *kind).select_from(Container).join(User)
    return query.join(Node, col(Node.id) == Container.node_id).join(ContainerType, isouter=True)


async def shown(tx: Tx, container: Container, actor: Actor) -> ContainerView:
    """The container as it is now in this transaction, and as the actor sees it."""
    await tx.flush()
    rows = (await (await tx.connection()).execute(surroundings().where(col(Container.id) == container.id))).all()
    return (await views(tx, rows, actor))[0]


async def changed(tx: Tx, container: Container, actor: Actor) -> ContainerView:
    """Tell of the change once it is committed; returns the container as `shown`."""
    announce_change(tx, container)
    return await shown(tx, container, actor)


async def views(tx: Tx, rows: Sequence[Row[Any]], actor: Actor, *, with_credits: bool = True) -> list[ContainerView]:
    """What the actor may know of containers, from rows of a query that began with `surroundings`.

    Somebody else's credits are not among it; without `with_credits`, nobody's are.
    """
    owners = {row.user_id for row in rows} if with_credits else set[int]()
    purses = await purses_of(tx, owners if actor.is_superuser else owners & {actor.user_id})
    stands = await standings(tx, actor, {row.id: row.user_id for row in rows})
    return [_view(tuple(row), stands[row.id], purses.get(row.user_id)) for row in rows]


def _plain(column: Any) -> Any:
    return sql_cast(column, String) if isinstance(column.type, JSON) else col(column)


@lru_cache(maxsize=_KEPT)
def _view(row: tuple[Any, ...], standing: Standing, purse: CreditsView | None) -> ContainerView:
    """Nothing but what it is given says what it is: an unchanged row has the view it had."""
    names = (*_OF_CONTAINER, "username", "node_name", "node_healthy", *(f"type_{name}" for name in _OF_TYPE))
    told = dict(zip(names, row, strict=True))
    container = cast(Container, SimpleNamespace(**{name: told[name] for name in _OF_CONTAINER}))
    is_typed = container.container_type_id is not None
    kind = (
        cast(ContainerType, SimpleNamespace(**{name: told[f"type_{name}"] for name in _OF_TYPE})) if is_typed else None
    )
    status, node = shown_status(container.status, node_healthy=told["node_healthy"]), told["node_name"]
    unknown = f"Its node “{node}” does not answer. It is left as it is until the node is back."
    return ContainerView(
        id=container.id,
        name=container.name,
        user_id=container.user_id,
        owner=told["username"],
        type_name=kind.container_type_name if kind else "custom",
        credits_cost=kind.credits_cost if kind else UNTYPED_COST,
        node_name=node,
        desired_state=container.desired_state,
        status=status,
        reason=unknown if status == "unknown" else container.status_reason,
        phase=container.phase,
        phases=tuple(PhaseView(phase, datetime.fromisoformat(at)) for phase, at in json.loads(told["phases"])),
        deleting=container.delete_requested_at is not None,
        restarting=is_restart_due(container.restart_requested_at, container.booted_at)
        and container.desired_state is DesiredState.RUNNING,
        created_at=container.created_at,
        placement=json.loads(told["placement"]),
        is_asleep=is_asleep(container),
        has_disk=container.has_disk,
        is_mine=standing.is_mine,
        role=standing.role,
        allowed=standing.allowed,
        shared_with=standing.shared_with,
        **_life(container, kind, purse),
    )


def _life(container: Container, kind: ContainerType | None, purse: CreditsView | None) -> dict[str, Any]:
    """Size, price and time: what the present has in store for it."""
    cost = kind.credits_cost if kind else None
    ahead = forecast([purse.used], limit=purse.limit, starts={"it": cost}) if purse and purse.active else None
    wanted = wanted_size(container, kind)
    return {
        "memory_mb": container.memory_mb,
        "vcpus": container.vcpus,
        "disk_gib": container.disk_gib,
        "leaves": ahead.after["it"] if ahead else None,
        "limit": ahead.limit if ahead else 0,
        "overridden": overrides_of(container).names,
        "next_size": wanted if wanted != full_size(container) else None,
        "idle_stop_min": kind.idle_stop_min if kind else 0,
        "lifetime_h": kind.lifetime_h if kind else 0,
        "expires_at": container.expires_at,
        "is_expiry_near": container.expiry_warned_at is not None,
    }
