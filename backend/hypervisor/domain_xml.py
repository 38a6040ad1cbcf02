"""What libvirt is asked for, as XML. Pure: facts in, text out; `tests/unit/golden` shows every kind in full."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import count
from uuid import UUID
from xml.etree import ElementTree as ET

from backend.hypervisor.driver import AGENT, BULK, INTERACTIVE, READY, Acceleration, DomainSpec
from backend.rules.network import GuestNetwork

POOL = "pequeroku"
POOL_PATH = "/var/lib/libvirt/images/pequeroku"
NETWORK = "pequeroku"
BRIDGE = "pqk0"
FILTER = "pequeroku-guest"
NAMESPACE = "urn:pequeroku:domain:1"

# Fixed, since libvirt redefines only what has the same name and the same uuid.
_NETWORK_UUID = "6d1b6bd4-9a3e-5f0c-8b5e-8f5b2f6f2a01"
_FILTER_UUID = "6d1b6bd4-9a3e-5f0c-8b5e-8f5b2f6f2a02"

_FIRST_SLOT = 2  # QEMU's own devices have 0, 1 and 31
_PROBE_MEMORY_MB = 96  # the cloud kernel needs 80


@dataclass(frozen=True, slots=True)
class BootFiles:
    """Where a node keeps what its guests boot from."""

    version: str
    kernel: str
    initrd: str
    cmdline: str
    arch: str


def domain(spec: DomainSpec, files: BootFiles, acceleration: Acceleration, *, with_shares: bool = True) -> str:
    """A container's domain.

    Args:
        with_shares: weigh its CPU time by its vCPUs. Not to be had on a node without the cpu cgroup.
    """
    root = _machine(spec.name, spec.uuid, spec.memory_mb, spec.vcpus, files, acceleration)
    _add(root, "os/cmdline", text=kernel_cmdline(spec, files.cmdline, acceleration))
    ET.register_namespace("pequeroku", NAMESPACE)
    _add(root, "metadata")
    _add(root, f"metadata/{{{NAMESPACE}}}container", hostname=spec.hostname, image=files.version)
    if with_shares:
        _add(root, "cputune/shares", text=str(100 * spec.vcpus))
    devices = _add(root, "devices")
    _add_disk(devices, f"{POOL_PATH}/{disk_name(spec.disk_name)}")
    _add(devices, "controller", type="usb", model="none")
    _add(devices, "controller", type="virtio-serial", index="0")
    if spec.network:
        _add_interface(devices, spec.network)
    console = _add(devices, "serial", type="pty")
    _add(console, "target", port="0")
    for name in (INTERACTIVE, BULK, READY, AGENT):
        channel = _add(devices, "channel", type="unix")
        _add(channel, "target", type="virtio", name=name)
    rng = _add(devices, "rng", model="virtio")
    _add(rng, "backend", model="builtin")
    balloon = _add(devices, "memballoon", model="virtio")
    _add(balloon, "stats", period="5")
    _put_on_root_bus(devices)
    return _text(root)


def kernel_cmdline(spec: DomainSpec, base: str, acceleration: Acceleration) -> str:
    """The image's own parameters, then what this guest is: the initrd reads it before anything else runs."""
    key = next((part for part in spec.authorized_key.split() if part.startswith("AAAA")), "")
    host = re.sub(r"[^A-Za-z0-9.-]", "-", spec.hostname)  # a space would begin a parameter of the user's own
    if acceleration is Acceleration.TCG:  # it guards the predictors of a processor that is not there, and dearly
        base += " mitigations=off"
    words = [base, f"pequeroku.instance={spec.uuid}", f"pequeroku.host={host}", f"pequeroku.key={key}"]
    if net := spec.network:
        words += [
            f"pequeroku.ip={net.address}/{net.network.prefixlen}",
            f"pequeroku.gw={net.gateway}",
            f"pequeroku.dns={','.join(net.dns)}",
        ]
    return " ".join(words)


def probe(name: str, uuid: UUID, files: BootFiles, acceleration: Acceleration) -> str:
    """A domain that switches itself off as soon as its kernel has come up."""
    root = _machine(name, uuid, _PROBE_MEMORY_MB, 1, files, acceleration)
    _add(root, "os/cmdline", text=f"{files.cmdline} pequeroku.probe")
    devices = _add(root, "devices")
    _add(devices, "controller", type="usb", model="none")
    _add(devices, "memballoon", model="none")
    return _text(root)


def pool() -> str:
    """The folder for images and disks. Others may pass through it, not list it."""
    root = ET.Element("pool", type="dir")
    _add(root, "name", text=POOL)
    target = _add(root, "target")
    _add(target, "path", text=POOL_PATH)
    _add(target, "permissions/mode", text="0711")
    return _text(root)


def file_volume(name: str, size: int, *, mode: str = "0644") -> str:
    """A volume of so many bytes, to be filled by an upload and then only read, by QEMU's own user too."""
    root = ET.Element("volume")
    _add(root, "name", text=name)
    _add(root, "capacity", text=str(size), unit="bytes")
    _add(root, "allocation", text="0")
    target = _add(root, "target")
    _add(target, "format", type="raw")
    _add(target, "permissions/mode", text=mode)
    return _text(root)


def overlay_volume(name: str, size: int, base_path: str, *, unit: str = "GiB") -> str:
    """A container's disk: what it writes itself, over the shared base image; without one, all of it."""
    root = ET.Element("volume")
    _add(root, "name", text=name)
    _add(root, "capacity", text=str(size), unit=unit)
    _add(root, "allocation", text="0")
    target = _add(root, "target")
    _add(target, "format", type="qcow2")
    _add(target, "compat", text="1.1")  # an older form can't grow once it has checkpoints
    _add(target, "permissions/mode", text="0600")
    if base_path:
        backing = _add(root, "backingStore")
        _add(backing, "path", text=base_path)
        _add(backing, "format", type="qcow2")
    return _text(root)


def network(cidr: IPv4Network) -> str:
    """A bridge behind NAT. It serves neither addresses nor names: guests know theirs from the kernel's command line."""
    root = ET.Element("network")
    _add(root, "name", text=NETWORK)
    _add(root, "uuid", text=_NETWORK_UUID)
    _add(root, "forward", mode="nat")
    _add(root, "bridge", name=BRIDGE, stp="off", delay="0")
    _add(root, "dns", enable="no")
    _add(root, "ip", address=str(cidr.network_address + 1), netmask=str(cidr.netmask))
    return _text(root)


def nwfilter(blocked: Iterable[IPv4Network]) -> str:
    """What a guest may send and be sent. `$MAC`, `$IP` and `$GATEWAY` come with each interface.

    All rules are for the link layer, which a frame passes before the node's own firewall, its INPUT chain and its
    routing: what is dropped here reaches neither the node nor anything behind it. Replies come back in through the
    network's NAT, which lets in established and related traffic alone.
    """
    root = ET.Element("filter", name=FILTER, chain="root")
    _add(root, "uuid", text=_FILTER_UUID)
    _rule(root, "drop", "out", 10, "mac", match="no", srcmacaddr="$MAC")
    for opcode in ("Request", "Reply"):
        _rule(root, "accept", "out", 20, "arp", opcode=opcode, arpsrcmacaddr="$MAC", arpsrcipaddr="$IP",
              arpdstipaddr="$GATEWAY")  # fmt: skip
        _rule(root, "accept", "in", 20, "arp", opcode=opcode, arpsrcipaddr="$GATEWAY", arpdstipaddr="$IP")
    _rule(root, "drop", "out", 30, "ip", match="no", srcipaddr="$IP")
    for cidr in blocked:
        _rule(root, "drop", "out", 40, "ip", dstipaddr=str(cidr.network_address), dstipmask=str(cidr.prefixlen))
    for protocol in ("tcp", "udp", "icmp"):
        _rule(root, "accept", "out", 50, "ip", srcipaddr="$IP", protocol=protocol)
        _rule(root, "accept", "in", 50, "ip", dstipaddr="$IP", protocol=protocol)
    _rule(root, "drop", "inout", 1000, "mac")
    return _text(root)


def disk_name(name: str) -> str:
    """The volume of a domain."""
    return f"{name}.qcow2"


def _machine(
    name: str, uuid: UUID, memory_mb: int, vcpus: int, files: BootFiles, acceleration: Acceleration
) -> ET.Element:
    """What every machine of ours has in common. A restart from inside stays; a halt or a crash ends it."""
    kvm = acceleration is Acceleration.KVM
    root = ET.Element("domain", type="kvm" if kvm else "qemu")
    _add(root, "name", text=name)
    _add(root, "uuid", text=str(uuid))
    _add(root, "memory", text=str(memory_mb), unit="MiB")
    _add(root, "vcpu", text=str(vcpus))
    _add(root, "os/type", text="hvm", arch=files.arch, machine="q35")
    _add(root, "os/kernel", text=files.kernel)
    _add(root, "os/initrd", text=files.initrd)
    _add(root, "features/acpi")
    _add(root, "features/apic")
    _add(root, "cpu", mode="host-passthrough" if kvm else "maximum")
    _add(root, "clock", offset="utc")
    _add(root, "on_poweroff", text="destroy")
    _add(root, "on_reboot", text="restart")
    _add(root, "on_crash", text="destroy")
    _add(root, "pm/suspend-to-mem", enabled="no")
    _add(root, "pm/suspend-to-disk", enabled="no")
    return root


def _add_disk(devices: ET.Element, path: str) -> None:
    """Writes go through the node's page cache and are on disk when the guest has flushed them.

    A full disk of the node pauses the guest, until somebody makes room. What a guest frees or zeroes is given back.
    """
    disk = _add(devices, "disk", type="file", device="disk")
    _add(disk, "driver", name="qemu", type="qcow2", cache="writeback", error_policy="enospace",
         rerror_policy="report", discard="unmap", detect_zeroes="unmap")  # fmt: skip
    _add(disk, "source", file=path)
    _add(disk, "target", dev="vda", bus="virtio")


def _add_interface(devices: ET.Element, net: GuestNetwork) -> None:
    """A guest never starts on the network without the filter: libvirt refuses to."""
    interface = _add(devices, "interface", type="network")
    _add(interface, "mac", address=net.mac)
    _add(interface, "source", network=NETWORK)
    _add(interface, "port", isolated="yes")
    _add(interface, "model", type="virtio")
    reference = _add(interface, "filterref", filter=FILTER)
    _add(reference, "parameter", name="IP", value=str(net.address))
    _add(reference, "parameter", name="GATEWAY", value=str(net.gateway))
    _add(interface, "rom", enabled="no")


def _put_on_root_bus(devices: ET.Element) -> None:
    """Else libvirt puts a PCIe port before each of them, for plugging that we never do: 0.3 s of an emulated boot."""
    slots = count(_FIRST_SLOT)
    for device in devices:
        if device.tag in ("disk", "interface", "rng", "memballoon") or device.get("type") == "virtio-serial":
            _add(device, "address", type="pci", domain="0x0000", bus="0x00", slot=hex(next(slots)), function="0x0")


def _rule(root: ET.Element, action: str, direction: str, priority: int, layer: str, /, **match: str) -> None:
    rule = _add(root, "rule", action=action, direction=direction, priority=str(priority))
    _add(rule, layer, **match)


def _add(parent: ET.Element, path: str, *, text: str | None = None, **attributes: str) -> ET.Element:
    """Append an element at a path; the steps before the last are shared with earlier ones."""
    *steps, last = [path] if path.startswith("{") else _split(path)
    for step in steps:
        found = parent.find(step)
        parent = ET.SubElement(parent, step) if found is None else found
    element = ET.SubElement(parent, last, attributes)
    element.text = text
    return element


def _split(path: str) -> list[str]:
    head, brace, tail = path.partition("{")
    return [*head.rstrip("/").split("/"), brace + tail] if brace else path.split("/")


def _text(root: ET.Element) -> str:
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
