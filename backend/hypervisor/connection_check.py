"""Trying a URI before there is a node for it: what is there, or what stands in the way, in words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree as ET

import libvirt

from backend.errors import Unavailable
from backend.hypervisor.libvirt_calls import Calls
from backend.hypervisor.libvirt_connection import close_connection, open_connection

_DEADLINE_S = 12.0
_LEAST_VERSION = (9, 0)  # what everything here was proved on

_WORDS: Mapping[str, str] = {
    r"Host key verification failed": "The server does not know the host's SSH key, or it has changed. Log in once by"
    " hand as the user that runs Pequeroku (`ssh {host}`) and accept it.",
    r"Permission denied \(": "SSH refused our key: put the public key of the user that runs Pequeroku into"
    " authorized_keys there.",
    r"Permission denied": "The socket is there, and this user may not open it: join the group libvirt, or name the"
    " user with --owner when libvirtd is started.",
    r"Could not resolve hostname|Unable to resolve address|Name or service not known|nodename nor servname": "The host"
    " “{host}” does not resolve to an address.",
    r"CA certificate|client certificate|private key .*No such file": "TLS: a certificate is missing on our side"
    " ({words}).",
    r"(?i)certificate|handshake|TLS": "TLS: the two sides do not trust each other ({words}).",
    r"Connection refused": "“{host}” refuses the connection: nothing listens there ({words}).",
    r"No route to host|Network is unreachable|timed out": "“{host}” can't be reached ({words}).",
    r"Failed to connect socket to .*No such file": "No libvirtd listens there: is it installed, and started? ({words})",
    r"(?i)netcat|\bnc\b|virt-ssh-helper": "The host has neither virt-ssh-helper nor netcat: install libvirt there"
    " ({words}).",
    r"(?i)authentication": "libvirt there wants a log-in that we don't have ({words}).",
}


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found. `trouble` is a sentence, empty when containers could run there."""

    trouble: str = ""
    arch: str = ""
    cpus: int = 0
    mem_mb: int = 0
    kvm_advertised: bool = False
    libvirt_version: str = ""
    host_id: str = ""


async def examine(uri: str, host: str, *, arch: str, deadline_s: float = _DEADLINE_S) -> Examined:
    """Connect and look, in a thread that nobody else uses.

    Args:
        host: its name for people.
        arch: what our guests are built for; empty if that is not known.
    """
    if uri.startswith("memory://"):
        return Examined(arch=arch or "x86_64", cpus=8, mem_mb=32768)
    try:
        return await _thread_for(uri).run(lambda: _look(uri, host, arch), deadline_s=deadline_s, queue_s=0.1)
    except Unavailable:
        return Examined(f"“{host}” did not answer within {deadline_s:.0f} s: it is off, a firewall drops what we send,"
                        " or its libvirtd hangs.")  # fmt: skip


@lru_cache(maxsize=64)
def _thread_for(uri: str) -> Calls:
    """One thread for each URI: a host that hangs holds that one up, and a second try at it ends at once."""
    return Calls(uri, threads=1)


def _look(uri: str, host: str, arch: str) -> Examined:
    try:
        connection = open_connection(uri)
    except libvirt.libvirtError as error:
        return Examined(explain(error.get_error_message() or str(error), host))
    try:
        return _describe(connection, arch)
    except libvirt.libvirtError as error:
        return Examined(f"It was reached, and then refused: {error.get_error_message()}.")
    finally:
        close_connection(connection)


def explain(words: str, host: str) -> str:
    """libvirt's own words for a connection that failed, made into what to do about it."""
    words = words.strip().rstrip(".")
    for pattern, sentence in _WORDS.items():
        if re.search(pattern, words):
            return sentence.format(host=host, words=words)
    return f"It can't be connected to: {words}."


def _describe(connection: libvirt.virConnect, arch: str) -> Examined:
    kind = connection.getType()
    said = ET.fromstring(connection.getCapabilities())  # noqa: S314 - libvirt's own words
    host_arch, mem_mb, cpus, *_ = connection.getInfo()
    version = connection.getLibVersion()
    major, minor = version // 1_000_000, version // 1000 % 1000
    guests = {each.get("name", "") for each in said.findall("guest/arch")}
    trouble = ""
    if kind not in ("QEMU", "TEST"):
        trouble = f"A hypervisor of the kind {kind} answers there. Only QEMU is driven."
    elif (major, minor) < _LEAST_VERSION:
        trouble = f"Its libvirt is {major}.{minor}; {_LEAST_VERSION[0]}.{_LEAST_VERSION[1]} or newer is needed."
    elif arch and kind == "QEMU" and arch not in guests:
        known = ", ".join(sorted(guests)) or "nothing"
        trouble = f"Our guests are built for {arch}, and QEMU there runs {known}. Install qemu-system for {arch}."
    kvm = said.find("guest/arch/domain[@type='kvm']") is not None
    return Examined(trouble, host_arch, cpus, mem_mb, kvm, f"{major}.{minor}", said.findtext("host/uuid", ""))
