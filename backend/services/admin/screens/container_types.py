"""Container types: sizes with prices."""

from collections.abc import Mapping
from typing import Any, cast

from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import Container, ContainerType
from backend.rules.forms import Field, Kind
from backend.rules.policy import Actor
from backend.services import types
from backend.services.admin.screen import Column, Screen, Show, deletion, required_number, yes_or_no

_IN_USE = select(func.count()).where(Container.container_type_id == ContainerType.id).scalar_subquery()


async def _add(tx: Tx, actor: Actor, values: Mapping[str, Any]) -> int:
    return (await types.create_type(tx, actor, **cast(types.TypeFields, dict(values)))).id


async def _save(tx: Tx, actor: Actor, key: str, values: Mapping[str, Any]) -> None:
    await types.update_type(tx, actor, int(key), **cast(types.TypeFields, dict(values)))


SCREEN = Screen(
    path="vm_manager/containertype",
    title="Container types",
    one="container type",
    icon="ruler",
    help="Sizes with a price. Private ones are not given to new quotas.",
    source=ContainerType,
    key=col(ContainerType.id),
    name=col(ContainerType.container_type_name),
    target_type="containertype",
    columns=(
        Column("container_type_name", "Name", col(ContainerType.container_type_name)),
        Column("memory_mb", "Memory", col(ContainerType.memory_mb), Show.NUMBER, unit="MiB"),
        Column("vcpus", "vCPUs", col(ContainerType.vcpus), Show.NUMBER),
        Column("disk_gib", "Disk", col(ContainerType.disk_gib), Show.NUMBER, unit="GiB"),
        Column("credits_cost", "Credits", col(ContainerType.credits_cost), Show.NUMBER),
        Column("private", "Private", col(ContainerType.private), Show.SWITCH),
        Column("in_use", "Containers", _IN_USE, Show.NUMBER, link="/admin/vm_manager/container/?type={id}"),
    ),
    search=(col(ContainerType.container_type_name),),
    filters=(yes_or_no("private", "Private", col(ContainerType.private)),),
    ordering="credits_cost",
    model=ContainerType,
    fields=(
        Field(name="container_type_name", label="Name", required=True, longest=64),
        required_number("memory_mb", "Memory", "MiB"),
        required_number("vcpus", "vCPUs"),
        required_number("disk_gib", "Disk", "GiB", "Disks grow, and never shrink."),
        required_number("credits_cost", "Credits", help="What one that runs costs. A new price counts at once."),
        Field(name="private", label="Private", kind=Kind.SWITCH, help="Not given to new quotas."),
        required_number("idle_stop_min", "Stop when idle for", "minutes", "0: never."),
        required_number("lifetime_h", "Delete after", "hours", "0: never."),
        Field(
            name="poolable", label="Keep some warm", kind=Kind.SWITCH, help="Whoever creates one gets it in an instant."
        ),
        required_number("pool_target", "How many", "on each node", "They take room that is free, and give it up."),
    ),
    add=_add,
    save=_save,
    acts=(deletion(types.delete_type, "No container may be of this type any more."),),
    links=(("Containers of it", "/admin/vm_manager/container/?type={id}"),),
)
