"""Containers of everybody."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import join, outerjoin
from sqlmodel import col, select

from backend.db import Tx
from backend.models import Container, ContainerType, DesiredState, Node, Status, User
from backend.rules.forms import Choice, Field, Kind
from backend.rules.policy import Actor
from backend.services import containers, sizes
from backend.services.admin.screen import Act, Column, Facts, Screen, Show, deletion, numbered, on_row, one_of
from backend.services.quotas import locked_quota

_TONES = {
    "running": "good", "stopped": "off", "error": "bad", "unknown": "warn", "created": "busy", "provisioning": "busy"
}  # fmt: skip


async def _types(tx: Tx) -> Mapping[str, tuple[Choice, ...]]:
    rows = (await tx.exec(select(ContainerType).order_by(col(ContainerType.credits_cost)))).all()
    return {"container_type_id": tuple(Choice(str(each.id), each.container_type_name) for each in rows)}


async def _values(tx: Tx, key: str) -> dict[str, Any]:
    row = await tx.get_one(Container, int(key))
    return {
        "container_type_id": str(row.container_type_id or ""),
        "memory_mb": row.memory_mb_override,
        "vcpus": row.vcpus_override,
        "disk_gib": row.disk_gib_override,
    }


async def _lock(tx: Tx, key: str) -> None:
    row = await tx.get(Container, int(key))
    if row is not None:
        await locked_quota(tx, row.user_id)
        await tx.refresh(row, with_for_update=True)


async def _save(tx: Tx, actor: Actor, key: str, values: Mapping[str, Any]) -> None:
    """An empty number follows the type; the operation's word for that is 0."""
    sizes_of_its_own = {name: values[name] or 0 for name in ("memory_mb", "vcpus", "disk_gib")}
    kind = values["container_type_id"]
    await sizes.resize(tx, actor, int(key), container_type_id=int(kind) if kind else None, **sizes_of_its_own)


def _own(name: str, label: str, unit: str = "") -> Field:
    return Field(name=name, label=label, kind=Kind.NUMBER, unit=unit, minimum=0, help="Empty: as its type says.")


def _is_meant_to_run(facts: Facts) -> bool:
    return facts["desired_state"] == DesiredState.RUNNING


def _can_start(facts: Facts) -> bool:
    return not _is_meant_to_run(facts) or facts["status"] == Status.ERROR


SCREEN = Screen(
    path="vm_manager/container",
    title="Containers",
    one="container",
    icon="box",
    help="Everybody's machines: what is wished, and what was last seen.",
    source=outerjoin(join(join(Container, User), Node, col(Node.id) == Container.node_id), ContainerType),
    key=col(Container.id),
    name=col(Container.name),
    target_type="container",
    columns=(
        Column("name", "Name", col(Container.name)),
        Column("username", "User", col(User.username), link="/admin/auth/user/{user_id}/"),
        Column("user_id", of=col(Container.user_id), hidden=True),
        Column("node", "Node", col(Node.name), link="/admin/vm_manager/node/{node_id}/"),
        Column("node_id", of=col(Container.node_id), hidden=True),
        Column("type", "Type", col(ContainerType.container_type_name), has_empties=True),
        Column("desired_state", "Wished", col(Container.desired_state)),
        Column("status", "Seen", col(Container.status), tones=_TONES),
        Column("created_at", "Made", col(Container.created_at), Show.AT),
    ),
    facts=(
        Column("memory_mb", "Memory", col(Container.memory_mb), Show.NUMBER, unit="MiB"),
        Column("vcpus", "vCPUs", col(Container.vcpus), Show.NUMBER),
        Column("disk_gib", "Disk", col(Container.disk_gib), Show.NUMBER, unit="GiB"),
        Column("status_reason", "Reason", col(Container.status_reason)),
        Column("last_step", "Last step", col(Container.last_step)),
        Column("last_step_at", "Done", col(Container.last_step_at), Show.AT),
        Column("retry_at", "Next look", col(Container.retry_at), Show.AT),
        Column("last_active_at", "Last used", col(Container.last_active_at), Show.AT),
        Column("expires_at", "Expires", col(Container.expires_at), Show.AT),
        Column("uuid", "Domain", col(Container.uuid), Show.CODE),
    ),
    search=(col(Container.name), col(User.username), col(Container.status_reason)),
    filters=(
        one_of("status", "Seen", col(Container.status), {each.value: each.value for each in Status}),
        one_of("desired", "Wished", col(Container.desired_state), {each.value: each.value for each in DesiredState}),
        numbered("user", "User number", col(Container.user_id)),
        numbered("node", "Node number", col(Container.node_id)),
        numbered("type", "Type number", col(Container.container_type_id)),
    ),
    ordering="-created_at",
    fields=(
        Field(name="container_type_id", label="Type", kind=Kind.CHOICE, help="One that runs is restarted to take it."),
        _own("memory_mb", "Memory of its own", "MiB"),
        _own("vcpus", "vCPUs of its own"),
        _own("disk_gib", "Disk of its own", "GiB"),
    ),
    choices=_types,
    values=_values,
    lock=_lock,
    save=_save,
    acts=(
        Act(
            name="start",
            label="Start",
            icon="play",
            done="started",
            run=on_row(containers.power_on),
            applies=_can_start,
        ),
        Act(
            name="stop",
            label="Stop",
            icon="square",
            done="stopped",
            run=on_row(containers.power_off),
            question="The system inside is asked to shut down; whoever works there loses what is not saved.",
            applies=_is_meant_to_run,
        ),
        Act(
            name="restart",
            label="Restart",
            icon="rotate-cw",
            done="restarted",
            run=on_row(containers.restart),
            question="The system inside shuts down and boots again; whoever works there is interrupted.",
            applies=_is_meant_to_run,
        ),
        deletion(containers.delete, "The disk is erased with everything on it. There is no way back."),
    ),
    links=(
        ("Its page", "/containers/{id}"),
        ("The user", "/admin/auth/user/{user_id}/"),
        ("What happened to it", "/admin/internal_config/auditlog/?target_type=container&target={id}"),
        ("What the assistant was asked in it", "/admin/internal_config/aiusagelog/?container={id}"),
    ),
)
