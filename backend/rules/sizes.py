"""How large a container is: what its type says, what an administrator overrode, and what its disk has become."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FullSize:
    """Memory in MiB, vCPUs in cores, disk in GiB."""

    memory_mb: int
    vcpus: int
    disk_gib: int


@dataclass(frozen=True, slots=True)
class Overrides:
    """What holds whatever the type says; None follows the type."""

    memory_mb: int | None = None
    vcpus: int | None = None
    disk_gib: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What is overridden, in words for people."""
        named = (("memory", self.memory_mb), ("vCPUs", self.vcpus), ("disk", self.disk_gib))
        return tuple(word for word, value in named if value is not None)


def size_of(current: FullSize, kind: FullSize | None, overrides: Overrides) -> FullSize:
    """The size a container has from its next boot on.

    An override wins over the type; without a type (None) what is not overridden stays as it is. A disk never
    shrinks: it is the larger of what it is and what is wanted, since what lies behind its new end would be lost.
    """
    wanted = kind or current
    return FullSize(
        memory_mb=wanted.memory_mb if overrides.memory_mb is None else overrides.memory_mb,
        vcpus=wanted.vcpus if overrides.vcpus is None else overrides.vcpus,
        disk_gib=max(current.disk_gib, wanted.disk_gib if overrides.disk_gib is None else overrides.disk_gib),
    )
