"""What a libvirt node shows of its domains and disks, in our words. All of it blocks."""

from collections.abc import Mapping
from typing import Any

import libvirt

from backend.hypervisor.domain_xml import POOL, disk_name
from backend.hypervisor.driver import PREFIX, Survey, Usage
from backend.hypervisor.libvirt_errors import tolerate_absent
from backend.rules.lifecycle import OffReason, Power, Seen

_OFF = (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED)
PAUSED = (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PMSUSPENDED)
_PASSING = (
    libvirt.VIR_DOMAIN_PAUSED_STARTING_UP,
    libvirt.VIR_DOMAIN_PAUSED_SHUTTING_DOWN,
    libvirt.VIR_DOMAIN_PAUSED_SAVE,
)


def survey(connection: libvirt.virConnect) -> Survey:
    """Three calls for all domains, what is kept of them, and the names of all disks, however many there are."""
    disks: set[str] = set()
    with tolerate_absent():
        disks = set(connection.storagePoolLookupByName(POOL).listVolumes())
    flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    kept = {each.name() for each in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)}
    machines: dict[str, Seen] = {}
    for domain, stats in connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, flags):
        name = domain.name()
        if name.startswith(PREFIX):
            has_disk = disk_name(name) in disks
            machines[name] = _seen(stats["state.state"], stats["state.reason"], disk=has_disk, saved=name in kept)
    for disk in disks:
        name = disk.removesuffix(".qcow2")
        if name.startswith(PREFIX) and name != disk and name not in machines:
            machines[name] = Seen(disk=True)
    return Survey(machines, frozenset(disk.removesuffix(".qcow2") for disk in disks))


def observe(connection: libvirt.virConnect, name: str, disk: str) -> Seen:
    """Look at one domain and its disk."""
    has_disk = False
    with tolerate_absent():
        connection.storagePoolLookupByName(POOL).storageVolLookupByName(disk_name(disk))
        has_disk = True
    with tolerate_absent():
        domain = connection.lookupByName(name)
        state, reason = domain.state()
        return _seen(state, reason, disk=has_disk, saved=bool(domain.hasManagedSaveImage()))
    return Seen(disk=has_disk)


def _seen(state: int, reason: int, *, disk: bool, saved: bool) -> Seen:
    if state in _OFF:
        return Seen(defined=True, power=Power.OFF, off_reason=_off_reason(state, reason), disk=disk, saved=saved)
    is_paused = state in PAUSED and not (state == libvirt.VIR_DOMAIN_PAUSED and reason in _PASSING)
    return Seen(defined=True, power=Power.PAUSED if is_paused else Power.ON, disk=disk, saved=saved)


def _off_reason(state: int, reason: int) -> OffReason:
    if state == libvirt.VIR_DOMAIN_CRASHED:
        return OffReason.CRASHED
    if reason == libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN:
        return OffReason.SHUT_DOWN
    if reason in (libvirt.VIR_DOMAIN_SHUTOFF_CRASHED, libvirt.VIR_DOMAIN_SHUTOFF_FAILED):
        return OffReason.CRASHED
    return OffReason.UNKNOWN


def usage_of_all(connection: libvirt.virConnect) -> dict[str, Usage]:
    """Figures of every running domain of ours that is not too busy to tell."""
    kinds = libvirt.VIR_DOMAIN_STATS_CPU_TOTAL | libvirt.VIR_DOMAIN_STATS_VCPU | libvirt.VIR_DOMAIN_STATS_BALLOON
    kinds |= libvirt.VIR_DOMAIN_STATS_BLOCK | libvirt.VIR_DOMAIN_STATS_INTERFACE
    flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
    figures: dict[str, Usage] = {}
    for domain, stats in connection.getAllDomainStats(kinds, flags):
        if domain.name().startswith(PREFIX) and "cpu.time" in stats:
            figures[domain.name()] = _figures(stats)
    return figures


def _figures(stats: Mapping[str, Any]) -> Usage:
    """Memory as the guest tells it through the balloon, in KiB; what it could still give out counts as free."""
    total: int | None = stats.get("balloon.available")
    free: int | None = stats.get("balloon.usable", stats.get("balloon.unused"))
    return Usage(
        cpu_ns=stats["cpu.time"],
        vcpus=stats.get("vcpu.current", 1),
        mem_used_mb=None if total is None or free is None else (total - free) // 1024,
        mem_total_mb=None if total is None else total // 1024,
        disk_read_bytes=_summed(stats, "block", "rd.bytes"),
        disk_write_bytes=_summed(stats, "block", "wr.bytes"),
        disk_used_bytes=_summed(stats, "block", "physical"),
        net_rx_bytes=_summed(stats, "net", "rx.bytes"),
        net_tx_bytes=_summed(stats, "net", "tx.bytes"),
    )


def _summed(stats: Mapping[str, Any], group: str, name: str) -> int | None:
    """Of all disks, or all interfaces; None where none of them tells. Without any it is nothing."""
    if f"{group}.count" not in stats:
        return None
    keys = [f"{group}.{number}.{name}" for number in range(stats[f"{group}.count"])]
    told = [int(stats[key]) for key in keys if key in stats]
    return sum(told) if told or not keys else None
