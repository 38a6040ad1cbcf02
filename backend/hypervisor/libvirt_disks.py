"""The bytes of a node's disks, through libvirt's own streams: no port is open for it, and nobody logs in anywhere.

Everything here blocks. Each stream has a libvirt connection to itself, and is used by one thread at a time.
"""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import PurePath
from xml.etree import ElementTree as ET

import libvirt

from backend.errors import NodeFault
from backend.hypervisor import domain_xml
from backend.hypervisor.domain_xml import POOL, disk_name
from backend.hypervisor.driver import DiskFacts
from backend.hypervisor.libvirt_connection import close_connection, open_connection
from backend.hypervisor.libvirt_errors import tolerate_absent

_MESSAGE = 1 << 18  # about what libvirt carries at once
_PIECE = 1 << 20


class DiskStream:
    """A volume's bytes, on their way out of a node or into it."""

    def __init__(self, uri: str) -> None:
        self._connection = open_connection(uri)
        self._stream = self._connection.newStream(0)
        self._is_open = False

    @classmethod
    def reading(cls, uri: str, disk: str) -> "DiskStream":
        """Begin to read a disk or a base image."""
        self = cls(uri)
        with self._closed_on_failure():
            _pool(self._connection).storageVolLookupByName(disk_name(disk)).download(self._stream, 0, 0, 0)
        return self

    @classmethod
    def writing(cls, uri: str, disk: str, *, for_all: bool) -> "DiskStream":
        """Begin to write a new disk. `for_all`: QEMU's own user reads it, as a base image."""
        self = cls(uri)
        xml = domain_xml.file_volume(disk_name(disk), 0, mode="0644" if for_all else "0600")
        with self._closed_on_failure():
            _pool(self._connection).createXML(xml, 0).upload(self._stream, 0, 0, 0)
        return self

    @contextmanager
    def _closed_on_failure(self) -> Generator[None]:
        try:
            yield
        except libvirt.libvirtError:
            close_connection(self._connection)
            raise
        self._is_open = True

    def read(self) -> bytes:
        """The next bytes, or b"" at the end."""
        piece = bytearray()
        while len(piece) < _PIECE:
            data = self._stream.recv(_MESSAGE)
            if not isinstance(data, bytes):
                raise NodeFault("The node stopped sending a disk.")
            if not data:
                break
            piece += data
        return bytes(piece)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._stream.send(bytes(view[:_MESSAGE])) :]

    def finish(self) -> None:
        """All was taken: what was written is on the node's disk when this returns."""
        self._is_open = False
        self._stream.finish()

    def close(self) -> None:
        """Let go, wherever it stands."""
        if self._is_open:
            with suppress(libvirt.libvirtError):
                self._stream.abort()
        close_connection(self._connection)


def disk_facts(connection: libvirt.virConnect, disk: str) -> DiskFacts:
    """What a disk is."""
    volume = _pool(connection).storageVolLookupByName(disk_name(disk))
    path = ET.fromstring(volume.XMLDesc(0)).findtext("backingStore/path", "")  # noqa: S314 - libvirt's own words
    return DiskFacts(volume.info()[1], PurePath(path).name.removesuffix(".qcow2"))


def has_base(connection: libvirt.virConnect, base: str) -> bool:
    """Whether an image is there, brought by a preparation or by a move, and whole."""
    names = set(_pool(connection).listVolumes())
    return disk_name(base) in names and bool(names & {_mark(base), f"{base}.complete"})


def forget_base(connection: libvirt.virConnect, base: str) -> None:
    """Delete what is there of an image that is not whole."""
    with tolerate_absent():
        _pool(connection).storageVolLookupByName(disk_name(base)).delete(0)


def keep_base(connection: libvirt.virConnect, base: str) -> None:
    """Say that it is whole."""
    if _mark(base) not in _pool(connection).listVolumes():
        _pool(connection).createXML(domain_xml.file_volume(_mark(base), 0), 0)


def _mark(base: str) -> str:
    return f"{base}.copied"


def _pool(connection: libvirt.virConnect) -> libvirt.virStoragePool:
    return connection.storagePoolLookupByName(POOL)
