"""Moving a machine from one libvirt node to another as it runs.

The two libvirtds' QEMUs have to reach each other: over a socket where both are on this machine, else over the
network, where the memory of guests crosses it (encrypted, unless settings say otherwise). Where that can't be, libvirt
says so, the machine runs on, and the move is made with a stop.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import libvirt

from backend.errors import NotLive
from backend.hypervisor import domain_xml
from backend.hypervisor.domain_xml import POOL, disk_name
from backend.hypervisor.libvirt_disks import disk_facts
from backend.settings import settings

_FLAGS = libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE | libvirt.VIR_MIGRATE_NON_SHARED_INC
_WHILE_IT_RUNS = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_AUTO_CONVERGE


@dataclass(frozen=True, slots=True)
class Ends:
    """Both nodes of a migration."""

    source_uri: str
    target_uri: str


def migrate(
    source: libvirt.virConnect, target: libvirt.virConnect, ends: Ends, name: str, disk: str, new_disk: str
) -> None:
    """Blocks until the machine runs on the target, or has stayed.

    Raises:
        NotLive: it can't be done between these two.
    """
    domain = source.lookupByName(name)
    is_emulated = "<domain type='kvm'" not in domain.XMLDesc(0)
    _check_alike(source, target, is_emulated=is_emulated)
    facts = disk_facts(source, disk)
    base = f"{domain_xml.POOL_PATH}/{disk_name(facts.base)}" if facts.base else ""
    overlay = domain_xml.overlay_volume(disk_name(new_disk), facts.capacity_bytes, base, unit="bytes")
    target.storagePoolLookupByName(POOL).createXML(overlay, 0)
    with _way(ends) as (flags, way):
        there = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
        kept = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE | libvirt.VIR_DOMAIN_XML_INACTIVE)
        as_new = {
            libvirt.VIR_MIGRATE_PARAM_DEST_XML: with_disk(there, disk, new_disk),
            libvirt.VIR_MIGRATE_PARAM_PERSIST_XML: with_disk(kept, disk, new_disk),
        }
        # QEMU's emulator can miss a page that is written while it is copied: it is held still meanwhile (ADR-0018).
        domain.migrate3(target, way | as_new, _FLAGS | flags | (0 if is_emulated else _WHILE_IT_RUNS))


def with_disk(xml: str, disk: str, new_disk: str) -> str:
    """A domain's description with its own disk's path exchanged."""
    old, new = (f"{domain_xml.POOL_PATH}/{disk_name(each)}" for each in (disk, new_disk))
    return re.sub(rf"(['\"]){re.escape(old)}\1", rf"\g<1>{new}\g<1>", xml)


def _check_alike(source: libvirt.virConnect, target: libvirt.virConnect, *, is_emulated: bool) -> None:
    """A guest keeps the processor it booted on: the host's own under KVM, QEMU's most able one else."""
    if source.getVersion() != target.getVersion():
        raise NotLive("The nodes have different versions of QEMU.")
    if not is_emulated and _cpu(source) != _cpu(target):
        raise NotLive("The nodes have different processors.")


def _cpu(connection: libvirt.virConnect) -> list[str]:
    cpu = ET.fromstring(connection.getCapabilities()).find("host/cpu")  # noqa: S314 - libvirt's own words
    if cpu is None:
        return []
    return sorted(ET.tostring(each, encoding="unicode").strip() for each in cpu if each.tag in ("model", "feature"))


@contextmanager
def _way(ends: Ends) -> Generator[tuple[int, dict[str, str]]]:
    """The flags and parameters that say how the two QEMUs reach each other."""
    if settings().live_migration == "off":
        raise NotLive("Moving machines as they run is switched off (LIVE_MIGRATION).")
    if all(_is_here(uri) for uri in (ends.source_uri, ends.target_uri)):
        folder = Path(tempfile.mkdtemp(prefix="pqk-move-"))
        folder.chmod(0o1733)  # QEMU's own user makes its sockets here; nobody else can list them
        try:
            memory, disks = (f"unix://{folder}/{os.urandom(8).hex()}" for _ in range(2))
            yield 0, {libvirt.VIR_MIGRATE_PARAM_URI: memory, libvirt.VIR_MIGRATE_PARAM_DISKS_URI: disks}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    host = urlsplit(ends.target_uri).hostname
    if not host:
        raise NotLive("One node is reached over a socket of this machine, the other is elsewhere.")
    flags = libvirt.VIR_MIGRATE_TLS if settings().live_migration == "tls" else 0
    yield flags, {libvirt.VIR_MIGRATE_PARAM_URI: f"tcp://[{host}]" if ":" in host else f"tcp://{host}"}


def _is_here(uri: str) -> bool:
    return urlsplit(uri).scheme in ("qemu", "qemu+unix")
