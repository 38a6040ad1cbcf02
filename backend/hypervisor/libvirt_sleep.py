"""Keeping what a machine has in memory, and letting it go on from there: libvirt's managed save. All of it blocks."""

import libvirt

from backend.errors import NodeFault
from backend.hypervisor.libvirt_errors import is_absent, is_busy, is_wrong_state


def sleep(connection: libvirt.virConnect, name: str) -> None:
    """A save that is under way already is waited for; if it takes long, the next look finds it."""
    try:
        connection.lookupByName(name).managedSave(0)
    except libvirt.libvirtError as error:
        if not (is_absent(error) or is_wrong_state(error) or is_busy(error)):
            raise


def wake(connection: libvirt.virConnect, name: str) -> None:
    """Start it. libvirt restores it by itself, and keeps what was kept when it can't."""
    domain = connection.lookupByName(name)
    if domain.isActive():
        return
    if not domain.hasManagedSaveImage():
        raise NodeFault("Nothing of its memory was kept.")
    try:
        domain.create()
    except libvirt.libvirtError as error:
        if not is_wrong_state(error) or not domain.isActive():
            raise


def forget(connection: libvirt.virConnect, name: str) -> None:
    """Throw away what was kept."""
    try:
        domain = connection.lookupByName(name)
        if domain.hasManagedSaveImage():
            domain.managedSaveRemove(0)
    except libvirt.libvirtError as error:
        if not is_absent(error):
            raise
