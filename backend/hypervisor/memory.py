"""A node in memory: the same behaviour without machines. It ships, for demonstrations and for tests.

Guests become ready at once. What should go wrong is said by attributes: `node.fault = NodeDiskFull("here")` is raised
by every call until it is taken back, `node.silent = True` is a node that does not answer, `node.deaf = True` are
guests that do not honour a request to shut down, and `crash` and `shut_down_inside` are what guests do by themselves.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

from backend.errors import NodeDiskFull, NodeFault, NotLive, Unavailable
from backend.hypervisor.driver import (
    PREFIX,
    READY,
    Acceleration,
    ByteStream,
    Checkpoint,
    DiskFacts,
    DomainSpec,
    Hypervisor,
    NodeFacts,
    Preparation,
    Survey,
    Usage,
)
from backend.hypervisor.memory_ports import ReadyPort
from backend.hypervisor.wakers import Wakers
from backend.rules.lifecycle import OffReason, Power, Seen

_HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
_PIECE = 1024


@dataclass(slots=True)
class Machine:
    """A domain of a node in memory."""

    spec: DomainSpec
    power: Power = Power.OFF
    off_reason: OffReason = OffReason.UNKNOWN
    boot_id: str = ""
    boots: int = 0
    is_frozen: bool = False
    """Its guest's file systems are held still."""
    clock_is_set: bool = False
    host_key: str = _HOST_KEY
    became: str = ""
    """The name that it was given while it ran."""


class MemoryNode:
    """Implements Hypervisor."""

    def __init__(self, *, cpus: int = 64, mem_mb: int = 262_144, host_id: str = "") -> None:
        self.machines: dict[str, Machine] = {}
        self.disks: dict[str, int] = {}
        """Sizes in GiB, by name."""
        self.contents: dict[str, bytes] = {}
        """What stands on a disk, or in a base image, where that matters."""
        self.checkpointed: dict[str, dict[str, bytes]] = {}
        """What stood on a disk at each of its checkpoints: by its name, and their tags."""
        self.base = ""
        """The image that its disks stand on, if it is to have one."""
        self.bases: set[str] = set()
        self.kept: dict[str, bool] = {}
        """Machines whose memory is kept: whether they can go on from it."""
        self.has_agents = True
        """Whether guests can be held still."""
        self.takes_live = True
        self.breaks_off = 0
        """So many migrations from here break off."""
        """Whether machines may come here as they run."""
        self.prepared: Preparation | None = None
        self.fault: Unavailable | None = None
        self.silent = False
        self.deaf = False
        self.uses: dict[str, Usage] = {}
        """What a machine uses, where that matters; the others use nothing."""
        self.full = False
        """Whether its storage has no room for another disk."""
        self.written: dict[str, bytes] = {}
        """What stands on consoles and nobody has read."""
        self.answers = True
        """Whether guests become ready after booting."""
        self._facts = NodeFacts("x86_64", cpus, mem_mb, kvm_advertised=False, host_id=host_id)
        self._wakers = Wakers()
        self._channels: dict[tuple[str, str], ReadyPort] = {}

    async def facts(self) -> NodeFacts:
        self._check()
        return self._facts

    async def prepare(self, wanted: Preparation) -> Acceleration:
        self._check()
        self.prepared = wanted
        return wanted.acceleration or Acceleration.TCG

    async def survey(self) -> Survey:
        self._check()
        machines = {name: Seen(disk=True) for name in self.disks if name.startswith(PREFIX)}
        machines |= {name: self._seen(name, name) for name in self.machines if name.startswith(PREFIX)}
        return Survey(machines, frozenset(self.disks))

    async def observe(self, name: str, disk: str = "") -> Seen:
        self._check()
        return self._seen(name, disk or name)

    async def make_disk(self, disk: str, disk_gib: int) -> None:
        self._check()
        self._check_prepared()
        if self.full and disk not in self.disks:
            raise NodeDiskFull("in memory")
        self.disks.setdefault(disk, disk_gib)

    async def grow_disk(self, disk: str, disk_gib: int) -> None:
        self._check()
        self._check_off(disk.partition(".")[0])
        if disk not in self.disks:
            raise NodeFault("The machine has no disk.")
        if self.full and disk_gib > self.disks[disk]:
            raise NodeDiskFull("in memory")
        self.disks[disk] = max(self.disks[disk], disk_gib)

    async def boot(self, spec: DomainSpec) -> None:
        self._check()
        prepared = self._check_prepared()
        if spec.network and not prepared.network:
            raise NodeFault("The node has no network for guests.")
        if self._is_on(spec.name):
            return
        if spec.disk_name not in self.disks:
            raise NodeFault("The machine has no disk.")
        if spec.name in self.kept:
            raise NodeFault("What the machine had in memory is kept: it is to be woken, or that forgotten.")
        boots = self.machines[spec.name].boots + 1 if spec.name in self.machines else 1
        self.machines[spec.name] = Machine(spec, Power.ON, boot_id=str(uuid4()), boots=boots)
        self._wakers.ring()

    async def ask_off(self, name: str) -> None:
        self._check()
        if not self.deaf and name in self.machines and self.machines[name].power is Power.ON:
            self._end(name, OffReason.SHUT_DOWN)

    async def power_off(self, name: str) -> None:
        self._check()
        self._end(name, OffReason.UNKNOWN)

    async def resume(self, name: str) -> None:
        self._check()
        if name in self.machines and self.machines[name].power is Power.PAUSED:
            self.machines[name].power = Power.ON
            self._wakers.ring()

    async def sleep(self, name: str) -> None:
        self._check()
        if not self._is_on(name):
            return
        if self.full:
            raise NodeDiskFull("in memory")
        self.kept[name] = True
        self._end(name, OffReason.UNKNOWN)

    async def wake(self, name: str) -> None:
        self._check()
        if self._is_on(name):
            return
        if not self.kept.get(name):
            raise NodeFault("The machine can't go on from what was kept.")
        del self.kept[name]
        self.machines[name].power, self.machines[name].clock_is_set = Power.ON, False
        self._wakers.ring()

    async def forget_memory(self, name: str) -> None:
        self._check()
        self.kept.pop(name, None)

    async def clone_disk(self, disk: str, copy: str) -> None:
        self._check()
        if disk not in self.disks or copy in self.disks:
            raise NodeFault("The node has no such disk, or has its copy already.")
        if self.full:
            raise NodeDiskFull("in memory")
        self.disks[copy], self.contents[copy] = self.disks[disk], self.contents.get(disk, b"")

    async def clone_running(self, name: str, disk: str, copy: str) -> None:
        await self.end_clone(name)
        if not self._is_on(name):
            raise NodeFault("The machine is not running.")
        if not self.has_agents:
            raise NodeFault("The guest's agent does not answer. Stop it first, and then copy it.")
        self.machines[name].is_frozen = True
        try:
            await self.clone_disk(disk, copy)
        finally:
            self.machines[name].is_frozen = False

    async def end_clone(self, name: str) -> None:
        self._check()
        if name in self.machines:
            self.machines[name].is_frozen = False

    async def checkpoint(self, name: str, tag: str) -> Checkpoint:
        disk = self._disk_of_running(name)
        self.checkpointed.setdefault(disk, {}).setdefault(tag, self.contents.get(disk, b""))
        return Checkpoint(is_still=self.has_agents, paused_ms=0)

    async def checkpoints(self, name: str) -> frozenset[str]:
        return frozenset(self.checkpointed.get(self._disk_of_running(name), ()))

    async def forget_checkpoint(self, name: str, tag: str) -> None:
        self.checkpointed.get(self._disk_of_running(name), {}).pop(tag, None)

    async def restore(self, name: str, tag: str) -> None:
        self._check()
        self._check_off(name)
        disk = self.machines[name].spec.disk_name if name in self.machines else name
        if tag not in self.checkpointed.get(disk, {}):
            raise NodeFault("It is not on its disk any more.")
        self.contents[disk] = self.checkpointed[disk][tag]

    def consoles(self) -> "MemoryConsoles":
        return MemoryConsoles(self)

    async def undefine(self, name: str) -> None:
        self._check()
        self._check_off(name)
        self.kept.pop(name, None)
        if self.machines.pop(name, None):
            self._wakers.ring()

    async def delete_disk(self, disk: str) -> None:
        self._check()
        if any(self._is_on(name) and each.spec.disk_name == disk for name, each in self.machines.items()):
            raise NodeFault("The node still runs this machine.")
        self.disks.pop(disk, None)
        self.contents.pop(disk, None)
        self.checkpointed.pop(disk, None)

    async def disk_facts(self, disk: str) -> DiskFacts:
        self._check()
        if disk not in self.disks:
            raise NodeFault("The node has no such disk.")
        return DiskFacts(self.disks[disk] << 30, self.base)

    async def read_disk(self, disk: str) -> AsyncGenerator[bytes]:
        self._check()
        content = self.contents.get(disk, b"")
        for at in range(0, len(content), _PIECE):
            self._check()
            yield content[at : at + _PIECE]

    async def write_disk(self, disk: str, facts: DiskFacts, content: AsyncIterable[bytes]) -> None:
        self._check()
        if disk in self.disks:
            raise NodeFault("The node has such a disk already.")
        if self.full:
            raise NodeDiskFull("in memory")
        self.disks[disk] = facts.capacity_bytes >> 30
        await self._write(disk, content)

    async def has_base(self, base: str) -> bool:
        self._check()
        return base in self.bases

    async def write_base(self, base: str, content: AsyncIterable[bytes]) -> None:
        self._check()
        await self._write(base, content)

    async def keep_base(self, base: str) -> None:
        self._check()
        self.bases.add(base)

    async def _write(self, name: str, content: AsyncIterable[bytes]) -> None:
        self.contents[name] = b""
        async for piece in content:
            self._check()
            self.contents[name] += piece

    async def migrate(self, name: str, disk: str, target: Hypervisor, new_disk: str) -> None:
        self._check()
        if not isinstance(target, MemoryNode) or not target.takes_live:
            raise NotLive("The machine can't be moved as it runs.")
        if not self._is_on(name):
            raise NodeFault("The machine does not run.")
        target._check()
        if self.breaks_off:
            self.breaks_off -= 1
            raise NodeFault("The migration broke off.")
        machine = self.machines.pop(name)
        target.machines[name] = replace(machine, spec=replace(machine.spec, disk=new_disk))
        target.disks[new_disk], target.contents[new_disk] = self.disks[disk], self.contents.get(disk, b"")
        if port := self._channels.pop((name, READY), None):
            port.close()
        self._wakers.ring()
        target._wakers.ring()

    async def stop_migrating(self, name: str) -> None:
        self._check()

    async def usage(self) -> Mapping[str, Usage]:
        self._check()
        return {
            name: self.uses.get(name) or Usage(0, each.spec.vcpus, 0, each.spec.memory_mb, 0, 0, 0, 0, 0)
            for name, each in self.machines.items()
            if each.power is not Power.OFF
        }

    async def open_channel(self, name: str, channel: str) -> ByteStream:
        self._check()
        if channel != READY or not self._is_on(name):
            raise Unavailable("The machine is not running, or has no such channel.")
        if before := self._channels.get((name, channel)):
            before.close()
        port = ReadyPort(self.machines[name], answers=self.answers)
        self._channels[name, channel] = port
        return port

    def on_change(self, wake: Callable[[], None]) -> Callable[[], None]:
        return self._wakers.add(wake)

    async def close(self) -> None:
        """Let go of whoever listens. Machines go on, as they do on a real node."""
        self._wakers.clear()

    # What happens by itself.

    def crash(self, name: str) -> None:
        """QEMU dies."""
        self._end(name, OffReason.CRASHED)

    def shut_down_inside(self, name: str) -> None:
        """Somebody in the guest switches it off."""
        self._end(name, OffReason.SHUT_DOWN)

    def write_console(self, name: str, data: bytes) -> None:
        """A guest writes to its console."""
        self.written[name] = self.written.get(name, b"") + data

    def pause(self, name: str) -> None:
        """As a full disk does."""
        self.machines[name].power = Power.PAUSED
        self._wakers.ring()

    def _check(self) -> None:
        if self.silent:
            raise Unavailable("The node does not answer.")
        if self.fault:
            raise self.fault

    def _check_prepared(self) -> Preparation:
        if self.prepared is None:
            raise NodeFault("The node is still being prepared.")
        return self.prepared

    def _check_off(self, name: str) -> None:
        if self._is_on(name):
            raise NodeFault("The node still runs this machine.")

    def _disk_of_running(self, name: str) -> str:
        self._check()
        if not self._is_on(name):
            raise NodeFault("The machine does not run.")
        return self.machines[name].spec.disk_name

    def _is_on(self, name: str) -> bool:
        return name in self.machines and self.machines[name].power is not Power.OFF

    def _seen(self, name: str, disk: str) -> Seen:
        has_disk = disk in self.disks
        if machine := self.machines.get(name):
            return Seen(True, machine.power, machine.off_reason, has_disk, saved=name in self.kept)
        return Seen(disk=has_disk)

    def _end(self, name: str, reason: OffReason) -> None:
        if not self._is_on(name):
            return
        self.machines[name].power = Power.OFF
        self.machines[name].off_reason = reason
        if port := self._channels.pop((name, READY), None):
            port.close()
        self._wakers.ring()


class MemoryConsoles:
    """Implements Consoles."""

    def __init__(self, node: MemoryNode) -> None:
        self._node = node

    async def read(self) -> Mapping[str, bytes]:
        self._node._check()  # pyright: ignore[reportPrivateUsage]
        found, self._node.written = self._node.written, {}
        return found

    async def close(self) -> None:
        """Nothing is held."""
