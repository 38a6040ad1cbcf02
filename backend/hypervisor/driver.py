"""What a node can do: the Protocol that every driver implements, and the words it speaks.

Every method is safe to repeat and safe to be killed in: asking for what is already so changes nothing.

Raises, all of them:
    Unavailable: the node did not answer within the deadline. Nothing is known about what it did.
    NodeFault (ImageMissing, NodeDiskFull): it answered, and could not.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

from backend.rules.lifecycle import Seen
from backend.rules.network import GuestNetwork

PREFIX = "pqk-"
"""Every domain and disk of ours begins so; anything else on a node is none of our business."""

INTERACTIVE = "org.pequeroku.ssh.0"
BULK = "org.pequeroku.ssh.1"
READY = "org.pequeroku.ready.0"
AGENT = "org.qemu.guest_agent.0"


class Acceleration(StrEnum):
    """How a node runs guests: in hardware, or emulated."""

    KVM = "kvm"
    TCG = "tcg"


@dataclass(frozen=True, slots=True)
class GuestImage:
    """A built guest image (`make image`): a shared base disk, and a kernel that QEMU boots directly."""

    version: str
    base: Path
    kernel: Path
    initrd: Path
    cmdline: str
    arch: str = "x86_64"


@dataclass(frozen=True, slots=True)
class DomainSpec:
    """Everything a domain is made from."""

    uuid: UUID
    hostname: str
    memory_mb: int
    vcpus: int
    authorized_key: str
    """Our public key into the guest, in OpenSSH form."""
    network: GuestNetwork | None = None
    disk: str = ""
    """Its disk's name, where that is not the domain's."""

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.uuid}"

    @property
    def disk_name(self) -> str:
        return self.disk or self.name


@dataclass(frozen=True, slots=True)
class Survey:
    """One look at a whole node: every domain and disk of ours. A disk without a domain of its name counts as one."""

    machines: Mapping[str, Seen]
    disks: frozenset[str] = frozenset()

    def of(self, name: str, disk: str) -> Seen:
        """What was seen of one domain and its disk."""
        seen = self.machines.get(name) or Seen()
        return seen if disk == name else replace(seen, disk=disk in self.disks)


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """A disk's size as the guest sees it, in bytes, and the base image it stands on (empty: on none)."""

    capacity_bytes: int
    base: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How a checkpoint of a running machine's disk was made."""

    is_still: bool
    """Its file systems were held still meanwhile: they are whole. Else it is as after a power cut."""
    paused_ms: int
    """How long at most the guest could not write."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node is made of. `kvm_advertised` is what it says of itself; see Preparation for what is believed."""

    arch: str
    cpus: int
    mem_mb: int
    kvm_advertised: bool
    host_id: str = ""
    """Which machine it is, by whatever URI; empty when it does not say."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Running totals and the present state of one domain. CPU is nanoseconds of all vCPUs together.

    Totals begin anew with each boot. `disk_used_bytes` is what its disk takes on the node.
    """

    cpu_ns: int
    vcpus: int
    mem_used_mb: int | None = None
    mem_total_mb: int | None = None
    disk_read_bytes: int | None = None
    disk_write_bytes: int | None = None
    disk_used_bytes: int | None = None
    net_rx_bytes: int | None = None
    net_tx_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a node needs before it can boot anything. Without a network guests get no interface."""

    image: GuestImage
    acceleration: Acceleration | None = None  # None: find out by booting a probe
    network: str = ""  # the guests' CIDR
    blocked: tuple[str, ...] = field(default=())  # CIDRs that guests must not reach


class ByteStream(Protocol):
    """Bytes to and from one virtio-serial port of a guest."""

    async def read(self) -> bytes:
        """The next bytes, or b"" when the other side is gone. Who leaves more than 8 MiB unread loses the channel."""
        ...

    async def write(self, data: bytes) -> None:
        """Send; returns when the hypervisor has taken it.

        Raises:
            Unavailable: the other side is gone.
        """
        ...

    def close(self) -> None: ...


class Consoles(Protocol):
    """The consoles of all running machines of a node. What is written while nobody reads is lost."""

    async def read(self) -> Mapping[str, bytes]:
        """What each machine wrote since the last call, by its name; of much, the end.

        Raises:
            Unavailable: the node does not answer.
        """
        ...

    async def close(self) -> None: ...


class Hypervisor(Protocol):
    """One node."""

    async def facts(self) -> NodeFacts:
        """Ask the node what it is; cheap, used as the heartbeat too."""
        ...

    async def prepare(self, wanted: Preparation) -> Acceleration:
        """Bring pool, base image, network and packet filters to what is wanted; return how it accelerates.

        Raises:
            ImageMissing: the built image is not in its place.
        """
        ...

    async def survey(self) -> Survey: ...

    async def observe(self, name: str, disk: str = "") -> Seen:
        """Look at one domain, and its disk where that has another name."""
        ...

    async def make_disk(self, disk: str, disk_gib: int) -> None:
        """Make a container's disk, an overlay on the base image. One that exists is left as it is."""
        ...

    async def grow_disk(self, disk: str, disk_gib: int) -> None:
        """Make the container's disk at least so large. It never shrinks, and what is on it stays.

        Raises:
            NodeFault: its machine runs, or there is no disk.
        """
        ...

    async def boot(self, spec: DomainSpec) -> None:
        """Define the domain (anew, so that a changed size holds) and start it. A running one is left alone."""
        ...

    async def ask_off(self, name: str) -> None:
        """Ask the guest to shut down; returns at once. An absent or stopped domain is fine."""
        ...

    async def power_off(self, name: str) -> None:
        """Cut the power. An absent or stopped domain is fine."""
        ...

    async def resume(self, name: str) -> None:
        """Let a paused domain go on."""
        ...

    async def sleep(self, name: str) -> None:
        """Keep what a machine has in memory on the node, and switch it off. An absent or stopped one is left alone.

        Raises:
            NodeFault: it can't be kept; the machine runs on.
        """
        ...

    async def wake(self, name: str) -> None:
        """Let a machine go on from what was kept. One that runs is left alone.

        Raises:
            NodeFault: it can't, or nothing was kept; what was kept still is.
        """
        ...

    async def forget_memory(self, name: str) -> None:
        """Throw away what was kept of a machine's memory, if anything was."""
        ...

    async def undefine(self, name: str) -> None: ...

    async def delete_disk(self, disk: str) -> None:
        """Delete it. One that is absent is fine; one that a running domain has is refused."""
        ...

    async def clone_disk(self, disk: str, copy: str) -> None:
        """Make `copy` what the disk of a machine that is off is, on the same base image. The disk is left as it is.

        Raises:
            NodeFault: there is a disk of that name already, or no such disk, or (NodeDiskFull) no room for it.
        """
        ...

    async def clone_running(self, name: str, disk: str, copy: str) -> None:
        """The same of a machine that runs, as its disk is at one moment, at which its file systems are held still.

        What is left of an attempt that was broken off is ended first.

        Raises:
            NodeFault: it can't be; the machine runs on.
        """
        ...

    async def end_clone(self, name: str) -> None:
        """End a copying that was broken off, and let the guest write again. Without one it is fine."""
        ...

    async def checkpoint(self, name: str, tag: str) -> Checkpoint:
        """Note under `tag` what is on a running machine's disk now; the machine runs on. One of that tag is kept.

        It stays in the disk's own file: it goes where that is copied, and not along with a migration.

        Raises:
            NodeFault: the machine is off, or it can't be done there.
        """
        ...

    async def checkpoints(self, name: str) -> frozenset[str]:
        """The tags on a running machine's disk. Raises as `checkpoint`."""
        ...

    async def forget_checkpoint(self, name: str, tag: str) -> None:
        """Delete one from a running machine's disk. One that is absent is fine. Raises as `checkpoint`."""
        ...

    async def restore(self, name: str, tag: str) -> None:
        """Set the disk of a machine that is off back to a checkpoint. That one, and all others, stay on it.

        Raises:
            NodeFault: the machine runs, or there is no such checkpoint; the disk is as it was.
        """
        ...

    def consoles(self) -> "Consoles":
        """Hear what running machines write to their consoles. One hears at a time: close it to let another."""
        ...

    async def disk_facts(self, disk: str) -> DiskFacts: ...

    def read_disk(self, disk: str) -> AsyncGenerator[bytes]:
        """The bytes of the file that a disk or base image is. Of a running machine's disk they would make no sense."""
        ...

    async def write_disk(self, disk: str, facts: DiskFacts, content: AsyncIterable[bytes]) -> None:
        """Make a disk from another one's bytes; `facts` are that one's.

        Raises:
            NodeFault: there is a disk of this name already, whole or not.
        """
        ...

    async def has_base(self, base: str) -> bool:
        """Whether a base image is there and whole."""
        ...

    async def write_base(self, base: str, content: AsyncIterable[bytes]) -> None:
        """Put a base image there. It counts as whole once `keep_base` says so; until then this begins anew."""
        ...

    async def keep_base(self, base: str) -> None: ...

    async def migrate(self, name: str, disk: str, target: "Hypervisor", new_disk: str) -> None:
        """Move a running machine to another node as it runs, with its disk, which becomes `new_disk` there.

        Raises:
            NotLive: between these nodes it never can be; the machine runs on where it was.
            NodeFault: it broke off; the machine runs on where it was, unless a look says otherwise.
            Unavailable: a node was lost meanwhile; a look at both says where the machine is.
        """
        ...

    async def stop_migrating(self, name: str) -> None:
        """End a migration that is under way from this node: the machine stays. Without one it is fine."""
        ...

    async def usage(self) -> Mapping[str, Usage]:
        """Figures of all running domains of ours; those that are too busy to tell are left out."""
        ...

    async def open_channel(self, name: str, channel: str) -> ByteStream:
        """Open a virtio-serial port; whoever had it open before loses it.

        Raises:
            Unavailable: the domain is not running, or the driver has no channels.
        """
        ...

    def on_change(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` (in the event loop's thread) whenever something may have changed, a lost connection included.

        Returns what ends it.
        """
        ...

    async def close(self) -> None: ...
