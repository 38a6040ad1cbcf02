"""Copies of disks on the node that has them, made by libvirt there: nothing of them crosses a network.

A copy is an overlay on the same base image, and stands by itself: neither needs the other. All of it blocks.
"""

import time
from contextlib import suppress
from xml.etree import ElementTree as ET

import libvirt

from backend.errors import NodeDiskFull, NodeFault
from backend.hypervisor import domain_xml
from backend.hypervisor.domain_xml import POOL, POOL_PATH, disk_name
from backend.hypervisor.libvirt_disks import disk_facts
from backend.hypervisor.libvirt_errors import is_absent
from backend.hypervisor.libvirt_freezing import held_still, thaw

_TARGET = "vda"
_AGENT_BEGINS_S = 45.0
_LONGEST_S = 1500.0
_STEP_S = 0.2
_MIRROR = (
    libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW
    | libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
    | libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
)


def clone(connection: libvirt.virConnect, node: str, disk: str, copy: str) -> None:
    """Of a disk that nobody writes to."""
    pool, volume, xml = _look(connection, node, disk, copy)
    pool.createXMLFrom(xml, volume, 0)


def clone_running(connection: libvirt.virConnect, node: str, name: str, disk: str, copy: str) -> None:
    """QEMU mirrors the disk until the copy is level with it. At a moment when the guest writes nothing, it ends."""
    domain = connection.lookupByName(name)
    end_clone(connection, name)
    pool, _, xml = _look(connection, node, disk, copy)
    pool.createXML(xml, 0)
    domain.blockCopy(_TARGET, _mirror_to(copy), {}, _MIRROR)
    try:
        _until_level(domain)
        with held_still(domain, begins_within_s=_AGENT_BEGINS_S, advice="Stop it first, and then copy it."):
            domain.blockJobAbort(_TARGET, 0)
    except BaseException:
        _abort(domain)
        raise


def end_clone(connection: libvirt.virConnect, name: str) -> None:
    """Let the guest write, and end the mirror of a process that was killed."""
    try:
        domain = connection.lookupByName(name)
        if not domain.isActive():
            return
        thaw(domain)
        _abort(domain)
    except libvirt.libvirtError as error:
        if not is_absent(error):
            raise


def _look(
    connection: libvirt.virConnect, node: str, disk: str, copy: str
) -> tuple[libvirt.virStoragePool, libvirt.virStorageVol, str]:
    """The pool, the disk, and what the copy is to be."""
    pool = connection.storagePoolLookupByName(POOL)
    with suppress(libvirt.libvirtError):  # busy with another copy: then what it knows is new enough
        pool.refresh(0)
    volume = pool.storageVolLookupByName(disk_name(disk))
    facts = disk_facts(connection, disk)
    if pool.info()[3] < volume.info()[2]:
        raise NodeDiskFull(node)
    base = f"{POOL_PATH}/{disk_name(facts.base)}" if facts.base else ""
    return pool, volume, domain_xml.overlay_volume(disk_name(copy), facts.capacity_bytes, base, unit="bytes")


def _mirror_to(copy: str) -> str:
    root = ET.Element("disk", type="file")
    ET.SubElement(root, "driver", name="qemu", type="qcow2")
    ET.SubElement(root, "source", file=f"{POOL_PATH}/{disk_name(copy)}")
    return ET.tostring(root, encoding="unicode")


def _until_level(domain: libvirt.virDomain) -> None:
    end = time.monotonic() + _LONGEST_S
    while (mirror := _mirror_of(domain)) is not None:
        if mirror.get("ready") == "yes":
            return
        if time.monotonic() > end:
            raise NodeFault("It writes faster than its disk can be copied. Stop it first, and then copy it.")
        time.sleep(_STEP_S)
    raise NodeFault("Copying its disk broke off. Its node may have too little room.")


def _mirror_of(domain: libvirt.virDomain) -> ET.Element | None:
    return ET.fromstring(domain.XMLDesc(0)).find("devices/disk/mirror")  # noqa: S314 - libvirt's own words


def _abort(domain: libvirt.virDomain) -> None:
    with suppress(libvirt.libvirtError):
        if domain.blockJobInfo(_TARGET, 0):
            domain.blockJobAbort(_TARGET, 0)
