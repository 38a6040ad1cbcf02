"""The process's connections to nodes: one driver per libvirt URI, whatever number of places use it."""

import asyncio
from functools import lru_cache

from backend.hypervisor.driver import Hypervisor

_MEMORY = "memory://"


class Nodes:
    """Drivers by URI, made at the first call. Two rows with one URI share a driver."""

    def __init__(self) -> None:
        self._drivers: dict[str, Hypervisor] = {}

    async def get(self, uri: str, name: str = "") -> Hypervisor:
        """The driver of a node. It connects by itself, and again after a loss.

        Args:
            name: what people call the node, for the driver's sentences; the first one given stays.

        Raises:
            Unavailable: the URI can't be used.
        """
        if uri not in self._drivers:
            self._drivers[uri] = _make(uri, name)
        return self._drivers[uri]

    def put(self, uri: str, driver: Hypervisor) -> None:
        """Have `driver` answer for `uri` (tests bring their own)."""
        self._drivers[uri] = driver

    async def close_all(self) -> None:
        """Let go of every node. Machines go on."""
        drivers, self._drivers = [*self._drivers.values()], {}
        await asyncio.gather(*(driver.close() for driver in drivers))


def _make(uri: str, name: str) -> Hypervisor:
    if uri.startswith(_MEMORY):
        from backend.hypervisor.memory import MemoryNode

        return MemoryNode()
    from backend.hypervisor.libvirt_driver import LibvirtNode

    return LibvirtNode(uri, name=name)


@lru_cache
def nodes() -> Nodes:
    """The process's registry."""
    return Nodes()
