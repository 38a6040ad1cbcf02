"""The size in a container's row, and what its type and overrides make of it."""

from backend.models import Container, ContainerType
from backend.rules.sizes import FullSize, Overrides, size_of


def wanted_size(container: Container, kind: ContainerType | None) -> FullSize:
    """What its type and its overrides make of it."""
    follows = FullSize(kind.memory_mb, kind.vcpus, kind.disk_gib) if kind else None
    return size_of(full_size(container), follows, overrides_of(container))


def full_size(container: Container) -> FullSize:
    """What its row says."""
    return FullSize(container.memory_mb, container.vcpus, container.disk_gib)


def write_size(container: Container, size: FullSize) -> None:
    """Only its next boot makes it true; the disk grows before it."""
    container.memory_mb, container.vcpus, container.disk_gib = size.memory_mb, size.vcpus, size.disk_gib


def overrides_of(container: Container) -> Overrides:
    """What holds for it whatever its type says."""
    return Overrides(container.memory_mb_override, container.vcpus_override, container.disk_gib_override)
