"""Container types: sizes with prices."""

from sqlmodel import col, func, select

from backend.models import Container, ContainerType
from backend.services.admin.screen import Column, Screen, Show, yes_or_no

_IN_USE = select(func.count()).where(Container.container_type_id == ContainerType.id).scalar_subquery()

SCREEN = Screen(
    path="vm_manager/containertype",
    title="Container types",
    one="container type",
    icon="ruler",
    help="Sizes with a price. Private ones are not given to new quotas.",
    source=ContainerType,
    key=col(ContainerType.id),
    name=col(ContainerType.container_type_name),
    target_type="container_type",
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
    links=(("Containers of it", "/admin/vm_manager/container/?type={id}"),),
)
