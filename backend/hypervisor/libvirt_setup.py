"""Bringing a node to where it can boot guests: pool, image, network, packet filter, acceleration.

All of it through libvirt alone, all of it blocking, and all of it safe to repeat or to be killed in.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree as ET

import libvirt

from backend.errors import ImageMissing, NodeFault
from backend.hypervisor import domain_xml
from backend.hypervisor.domain_xml import NETWORK, POOL, POOL_PATH, BootFiles
from backend.hypervisor.driver import PREFIX, Acceleration, GuestImage, Preparation
from backend.hypervisor.libvirt_errors import is_absent, tolerate_absent

_PROBE_PREFIX = "pequeroku-probe-"
_PROBE_S = 10.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """What boots and disks are made from on this node."""

    files: BootFiles
    base: str
    acceleration: Acceleration
    has_network: bool


def prepare(connection: libvirt.virConnect, wanted: Preparation) -> Prepared:
    """Bring the node to what is wanted.

    Raises:
        ImageMissing: the image is not in its place on our side.
    """
    _ensure_pool(connection)
    files, base = _ensure_image(connection, wanted.image)
    if wanted.network:
        ensure_filter(connection, [IPv4Network(cidr) for cidr in wanted.blocked])
        _ensure_network(connection, IPv4Network(wanted.network))
    acceleration = wanted.acceleration or _find_acceleration(connection, files)
    return Prepared(files, base, acceleration, has_network=bool(wanted.network))


def capabilities(connection: libvirt.virConnect) -> tuple[bool, str]:
    """Whether the node speaks of KVM, and which machine it is (libvirt's mock does not say)."""
    said = ET.fromstring(connection.getCapabilities())  # noqa: S314 - libvirt's own words
    return said.find("guest/arch/domain[@type='kvm']") is not None, said.findtext("host/uuid", "")


def _ensure_pool(connection: libvirt.virConnect) -> None:
    try:
        pool = connection.storagePoolLookupByName(POOL)
    except libvirt.libvirtError as error:
        if not is_absent(error):
            raise
        pool = connection.storagePoolDefineXML(domain_xml.pool(), 0)
    if not pool.isActive():
        pool.build(0)  # makes the folder; an existing one is fine
        pool.create(0)
    if not pool.autostart():
        pool.setAutostart(1)
    pool.refresh(0)


def _ensure_image(connection: libvirt.virConnect, image: GuestImage) -> tuple[BootFiles, str]:
    """Upload what is absent. An empty volume made last says that the others are whole."""
    stem = f"image-{image.version}"
    base, kernel, initrd, done = (f"{stem}.{end}" for end in ("qcow2", "vmlinux", "initrd", "complete"))
    parts = {kernel: image.kernel, initrd: image.initrd, base: image.base}
    pool = connection.storagePoolLookupByName(POOL)
    present = set(pool.listVolumes())
    if not present.issuperset((*parts, done)):
        for path in parts.values():
            if not path.is_file():
                raise ImageMissing(f"there is no {path}")
        for name in present.intersection((done, *parts)):
            pool.storageVolLookupByName(name).delete(0)
        for name, path in parts.items():
            _upload(connection, pool, name, path)
        pool.createXML(domain_xml.file_volume(done, 0), 0)
        pool.refresh(0)
    files = BootFiles(image.version, f"{POOL_PATH}/{kernel}", f"{POOL_PATH}/{initrd}", image.cmdline, image.arch)
    return files, f"{POOL_PATH}/{base}"


def _upload(connection: libvirt.virConnect, pool: libvirt.virStoragePool, name: str, path: Path) -> None:
    size = path.stat().st_size
    volume = pool.createXML(domain_xml.file_volume(name, size), 0)
    if connection.getType() == "TEST":
        return  # libvirt's mock: its volumes hold no bytes
    stream = connection.newStream(0)
    with path.open("rb") as source:
        volume.upload(stream, 0, size, 0)
        stream.sendAll(lambda _, count, file: file.read(count), source)
    stream.finish()


def _ensure_network(connection: libvirt.virConnect, cidr: IPv4Network) -> None:
    """A network of another address range is replaced, but not under the feet of running guests."""
    wanted = domain_xml.network(cidr)
    network = _network(connection)
    if network is None or _addresses(network.XMLDesc(0)) != _addresses(wanted):
        if network is not None and network.isActive():
            running = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
            if any(domain.name().startswith(PREFIX) for domain in running):
                raise NodeFault(f"The guests' network can't change to {cidr} while containers run on the node.")
            network.destroy()
        network = connection.networkDefineXML(wanted)
    if not network.isActive():
        network.create()
    if not network.autostart():
        network.setAutostart(1)


def _network(connection: libvirt.virConnect) -> libvirt.virNetwork | None:
    with tolerate_absent():
        return connection.networkLookupByName(NETWORK)
    return None


def _addresses(xml: str) -> list[dict[str, str]]:
    return [dict(element.attrib) for element in ET.fromstring(xml).findall("ip")]  # noqa: S314 - libvirt's own words


def ensure_filter(connection: libvirt.virConnect, blocked: Iterable[IPv4Network]) -> None:
    """Define the filter unless it is so already. Guests that run have the new rules at once."""
    if connection.getType() == "TEST":
        return  # libvirt's mock has none, and no packets either
    wanted = domain_xml.nwfilter(blocked)
    with tolerate_absent():
        if _rules(connection.nwfilterLookupByName(domain_xml.FILTER).XMLDesc(0)) == _rules(wanted):
            return
    connection.nwfilterDefineXML(wanted)


def _rules(xml: str) -> set[tuple[str, ...]]:
    """The rules of a filter in a form that does not depend on how they were written."""
    return {
        (*(rule.get(name, "") for name in ("action", "direction", "priority")), match.tag, *_words(match.attrib))
        for rule in ET.fromstring(xml).findall("rule")  # noqa: S314 - libvirt's own words
        for match in rule
    }


def _words(attributes: dict[str, str]) -> list[str]:
    return sorted(f"{name}={value}".lower() for name, value in attributes.items())


def _find_acceleration(connection: libvirt.virConnect, files: BootFiles) -> Acceleration:
    """Believe in KVM when a guest has booted under it: some hosts advertise it and can't boot a kernel."""
    _remove_stale_probes(connection)
    if connection.getType() == "TEST" or not capabilities(connection)[0]:
        return Acceleration.TCG
    return Acceleration.KVM if _boots(connection, files) else Acceleration.TCG


def _boots(connection: libvirt.virConnect, files: BootFiles) -> bool:
    """Whether a machine that switches itself off when it has booted does so in time."""
    uuid = uuid4()
    xml = domain_xml.probe(f"{_PROBE_PREFIX}{uuid.hex[:8]}", uuid, files, Acceleration.KVM)
    try:
        domain = connection.createXML(xml, libvirt.VIR_DOMAIN_START_AUTODESTROY)
    except libvirt.libvirtError:
        return False
    deadline = time.monotonic() + _PROBE_S
    try:
        while time.monotonic() < deadline:
            state, _ = domain.state()
            if state in (libvirt.VIR_DOMAIN_CRASHED, libvirt.VIR_DOMAIN_PAUSED):
                return False
            time.sleep(0.05)
        return False
    except libvirt.libvirtError as error:
        if not is_absent(error):
            raise
        return True
    finally:
        with suppress(libvirt.libvirtError):
            domain.destroy()


def _remove_stale_probes(connection: libvirt.virConnect) -> None:
    """Of a process that was killed while probing, on a node that did not notice."""
    for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_TRANSIENT):
        if domain.name().startswith(_PROBE_PREFIX):
            with suppress(libvirt.libvirtError):
                domain.destroy()
