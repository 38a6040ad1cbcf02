"""Checkpoints of a disk: internal snapshots in its own qcow2 file, made by QEMU as the machine runs. All of it blocks.

libvirt would pause a running machine for an internal snapshot, and write its memory out too. So QEMU is asked by
itself, through libvirt's connection; libvirt hears of a snapshot only while it sets a disk back that nobody uses.
"""

import json
import logging
import time
from typing import Any, cast
from xml.etree import ElementTree as ET

import libvirt
import libvirt_qemu

from backend.errors import NodeDiskFull, NodeFault
from backend.hypervisor.driver import Checkpoint
from backend.hypervisor.libvirt_freezing import held_still, thaw

log = logging.getLogger(__name__)

_TARGET = "vda"
_AGENT_S = 3
_MAKE, _FORGET = "blockdev-snapshot-internal-sync", "blockdev-snapshot-delete-internal-sync"
_NO_SUCH = "It is not on its disk any more."


def make(connection: libvirt.virConnect, node: str, name: str, tag: str) -> Checkpoint:
    """Of a running machine, with its file systems held still where its agent answers."""
    domain = connection.lookupByName(name)
    disk = _Disk(domain, node)
    disk.check()
    has_agent = thaw(domain, tries=1, answers_within_s=_AGENT_S)  # who was killed while it made one has left it frozen
    if tag in disk.tags():
        return Checkpoint(is_still=has_agent, paused_ms=0)
    if has_agent:
        began = time.monotonic()
        try:
            with held_still(domain, answers_within_s=_AGENT_S):
                disk.ask(_MAKE, tag)
            return Checkpoint(is_still=True, paused_ms=_ms_since(began))
        except NodeFault as fault:
            log.info("a checkpoint of %s is made without holding it still: %s", name, fault)
    began = time.monotonic()
    disk.ask(_MAKE, tag)
    return Checkpoint(is_still=False, paused_ms=_ms_since(began))


def tags(connection: libvirt.virConnect, node: str, name: str) -> frozenset[str]:
    """Those on the disk of a running machine."""
    return _Disk(connection.lookupByName(name), node).tags()


def forget(connection: libvirt.virConnect, node: str, name: str, tag: str) -> None:
    """Delete one from the disk of a running machine."""
    disk = _Disk(connection.lookupByName(name), node)
    if tag in disk.tags():
        disk.ask(_FORGET, tag)


def restore(connection: libvirt.virConnect, name: str, tag: str) -> None:
    """Set the disk of a machine that is off back. libvirt is told of the snapshot for as long as that takes."""
    domain = connection.lookupByName(name)
    if domain.isActive():
        raise NodeFault("The machine still runs.")
    leave_no_trace(domain)
    snapshot = domain.snapshotCreateXML(_as_libvirt_knows_it(domain, tag), libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE)
    try:
        domain.revertToSnapshot(snapshot, 0)
    except libvirt.libvirtError as error:
        if "Could not apply snapshot" in str(error) or "snapshot -a" in str(error):
            raise NodeFault(_NO_SUCH) from error
        raise
    finally:
        leave_no_trace(domain)


def leave_no_trace(domain: libvirt.virDomain) -> None:
    """Have libvirt forget what it was told. A domain with snapshots that it knows can't be moved, nor undefined."""
    for each in domain.listAllSnapshots():
        each.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)


class _Disk:
    """A running machine's disk, as QEMU knows it."""

    def __init__(self, domain: libvirt.virDomain, node: str) -> None:
        self._domain, self._node = domain, node
        source = ET.fromstring(domain.XMLDesc(0)).find(f"devices/disk/target[@dev='{_TARGET}']/../source")  # noqa: S314
        self._path = source.get("file", "") if source is not None else ""

    def check(self) -> None:
        """Disks were made in an older form once, which can't grow while it has snapshots."""
        if self._block()["image"].get("format-specific", {}).get("data", {}).get("compat") == "0.10":
            raise NodeFault("Its disk is of an old form that takes none. A copy of it has a disk of the new one.")

    def ask(self, command: str, tag: str) -> None:
        self._said(command, device=self._block()["node-name"], name=tag)

    def tags(self) -> frozenset[str]:
        return frozenset(str(each["name"]) for each in self._block()["image"].get("snapshots", ()))

    def _block(self) -> dict[str, Any]:
        """Under the name that it has now: it is another one after each move."""
        for each in cast("list[dict[str, Any]]", self._said("query-block")):
            inserted: dict[str, Any] = each.get("inserted") or {}
            if inserted.get("drv") == "qcow2" and inserted.get("image", {}).get("filename") == self._path:
                return inserted
        raise NodeFault("QEMU does not know the machine's disk.")

    def _said(self, command: str, **arguments: str) -> Any:
        asked = json.dumps({"execute": command, "arguments": arguments} if arguments else {"execute": command})
        said = json.loads(libvirt_qemu.qemuMonitorCommand(self._domain, asked, 0))
        if "error" in said:
            why = str(said["error"].get("desc", "no reason given"))
            raise NodeDiskFull(self._node) if "No space left" in why else NodeFault(f"QEMU refused: {why}.")
        return said["return"]


def _as_libvirt_knows_it(domain: libvirt.virDomain, tag: str) -> str:
    root = ET.Element("domainsnapshot")
    ET.SubElement(root, "name").text = tag
    ET.SubElement(root, "creationTime").text = "1"
    ET.SubElement(root, "state").text = "shutoff"
    ET.SubElement(root, "memory", snapshot="no")
    ET.SubElement(ET.SubElement(root, "disks"), "disk", name=_TARGET, snapshot="internal")
    kept = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    root.append(ET.fromstring(domain.XMLDesc(kept)))  # noqa: S314 - libvirt's own words
    return ET.tostring(root, encoding="unicode")


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
