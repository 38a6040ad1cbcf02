"""What a node can do: the Protocol that every driver implements, and the words it speaks.

Every method is safe to repeat and safe to be killed in: asking for what is already so changes nothing.

Raises, all of them:
    Unavailable: the node did not answer within the deadline. Nothing is known about what it did.
    NodeFault (ImageMissing, NodeDiskFull): it answered, and could not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.uuid}"


@dataclass(frozen=True, slots=True)
class Survey:
    """One look at a whole node: every domain and disk of ours, by domain name."""

    machines: Mapping[str, Seen]


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
    """Running totals and the present state of one domain. CPU is nanoseconds of all vCPUs together."""

    cpu_ns: int
    vcpus: int
    mem_used_mb: int | None = None
    mem_total_mb: int | None = None


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

    async def observe(self, name: str) -> Seen: ...

    async def make_disk(self, name: str, disk_gib: int) -> None:
        """Make the container's disk, an overlay on the base image. One that exists is left as it is."""
        ...

    async def grow_disk(self, name: str, disk_gib: int) -> None:
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

    async def undefine(self, name: str) -> None: ...

    async def delete_disk(self, name: str) -> None: ...

    async def usage(self) -> Mapping[str, Usage]:
        """Figures of all running domains of ours; those that are too busy to tell are left out."""
        ...

    async def open_channel(self, name: str, channel: str) -> ByteStream:
        """Open a virtio-serial port; whoever had it open before loses it.

        Raises:
            Unavailable: the domain is not running, or the driver has no channels.
        """
        ...

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` (in the event loop's thread) whenever something may have changed, a lost connection included."""
        ...

    async def close(self) -> None: ...
