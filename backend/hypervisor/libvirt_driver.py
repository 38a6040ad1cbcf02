"""The driver for libvirt: one node, whatever its URI (qemu:///system, qemu+unix, qemu+tls, qemu+ssh, test:///default).

libvirt is all that a node runs: disks, uploads and the way into guests go through its connection too.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import libvirt

from backend.errors import NodeFault, NotLive, Unavailable
from backend.hypervisor import (
    domain_xml,
    libvirt_checkpoints,
    libvirt_copies,
    libvirt_disks,
    libvirt_looks,
    libvirt_migration,
    libvirt_setup,
    libvirt_sleep,
)
from backend.hypervisor.domain_xml import POOL, disk_name
from backend.hypervisor.driver import (
    Acceleration,
    ByteStream,
    Checkpoint,
    Consoles,
    DiskFacts,
    DomainSpec,
    Hypervisor,
    NodeFacts,
    Preparation,
    Survey,
    Usage,
)
from backend.hypervisor.libvirt_calls import Calls
from backend.hypervisor.libvirt_channel import LibvirtChannel
from backend.hypervisor.libvirt_connection import Connection, close_connection, open_connection
from backend.hypervisor.libvirt_console import LibvirtConsoles
from backend.hypervisor.libvirt_disks import DiskStream
from backend.hypervisor.libvirt_errors import (
    is_absent,
    is_unsupported,
    is_wrong_state,
    tolerate_absent,
    translate,
)
from backend.hypervisor.libvirt_migration import Ends
from backend.hypervisor.libvirt_setup import Prepared
from backend.hypervisor.wakers import Wakers
from backend.rules.lifecycle import Seen

T = TypeVar("T")

_DEADLINE_S = 10.0
_BOOT_S = 30.0
_USAGE_S = 20.0
_SLOW_THREADS = 3  # a booting QEMU takes a core for seconds: more at once make all of them late
_SLOW_QUEUE_S = 300.0
_MOVE_THREADS = 3
_MIGRATE_S = 1800.0
_PIECE_S = 60.0  # for one piece of a disk, of a node that is busy
_PREPARE_S = 900.0  # the base image crosses the network once


class LibvirtNode:
    """Implements Hypervisor. Cheap to make: it connects at the first call, and again after a loss."""

    def __init__(self, uri: str, *, name: str = "", deadline_s: float = _DEADLINE_S) -> None:
        self._uri = uri
        self._is_mock = uri.startswith("test:")
        self._name = name or uri.split("?")[0]
        self._deadline_s = deadline_s
        self._quick = Calls(self._name)
        self._slow = Calls(self._name, threads=_SLOW_THREADS)  # so that looking never waits for doing
        self._moves = Calls(self._name, threads=_MOVE_THREADS)  # they take minutes
        self._wakers = Wakers()
        self._connection = Connection(uri, self._wakers.ring)
        self._prepared: Prepared | None = None
        self._capabilities = WeakKeyDictionary[libvirt.virConnect, tuple[bool, str]]()
        """By connection: behind the next one, at the same URI, there may be another machine."""
        self._has_shares = True

    async def facts(self) -> NodeFacts:
        return await self._call(self._facts)

    async def prepare(self, wanted: Preparation) -> Acceleration:
        def work() -> Prepared:
            self._connection.get()  # events come from now on (and the mock forgets everything when nobody is connected)
            connection = open_connection(self._uri)  # its own: an upload is not to hold up other calls
            try:
                return libvirt_setup.prepare(connection, wanted)
            finally:
                close_connection(connection)

        self._prepared = await self._run(work, self._slow, _PREPARE_S)
        return self._prepared.acceleration

    async def survey(self) -> Survey:
        return await self._call(libvirt_looks.survey)

    async def observe(self, name: str, disk: str = "") -> Seen:
        return await self._call(lambda connection: libvirt_looks.observe(connection, name, disk or name))

    async def make_disk(self, disk: str, disk_gib: int) -> None:
        base = self._what_is_prepared().base

        def work(connection: libvirt.virConnect) -> None:
            pool = connection.storagePoolLookupByName(POOL)
            with tolerate_absent():
                pool.storageVolLookupByName(disk_name(disk))
                return
            pool.createXML(domain_xml.overlay_volume(disk_name(disk), disk_gib, base), 0)

        await self._call_slow(work)

    async def grow_disk(self, disk: str, disk_gib: int) -> None:
        def work(connection: libvirt.virConnect) -> None:
            self._check_off(connection, disk.partition(".")[0])
            try:
                volume = connection.storagePoolLookupByName(POOL).storageVolLookupByName(disk_name(disk))
            except libvirt.libvirtError as error:
                if is_absent(error):
                    raise NodeFault(f"Node “{self._name}” has no disk of this machine.") from error
                raise
            wanted = disk_gib * 2**30
            if volume.info()[1] >= wanted:
                return
            try:
                volume.resize(wanted)
            except libvirt.libvirtError as error:
                if not (self._is_mock and is_unsupported(error)):
                    raise

        await self._call_slow(work)

    async def boot(self, spec: DomainSpec) -> None:
        prepared = self._what_is_prepared()
        if spec.network and not prepared.has_network:
            raise NodeFault(f"Node “{self._name}” has no network for guests.")
        await self._call_slow(lambda connection: self._boot(connection, spec, prepared))

    async def ask_off(self, name: str) -> None:
        # The power button, not the guest agent: that one is in the guest's hands, and may keep us waiting.
        flags = 0 if self._is_mock else libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN

        def work(domain: libvirt.virDomain) -> None:
            if domain.isActive():
                domain.shutdownFlags(flags)

        await self._with_domain(name, work)

    async def power_off(self, name: str) -> None:
        def work(domain: libvirt.virDomain) -> None:
            if domain.isActive():
                domain.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_DEFAULT)

        await self._with_domain(name, work)

    async def resume(self, name: str) -> None:
        def work(domain: libvirt.virDomain) -> None:
            if domain.state()[0] in libvirt_looks.PAUSED:
                domain.resume()

        await self._with_domain(name, work)

    async def sleep(self, name: str) -> None:
        await self._call_long(lambda connection: libvirt_sleep.sleep(connection, name))

    async def wake(self, name: str) -> None:
        await self._call_long(lambda connection: libvirt_sleep.wake(connection, name))

    async def forget_memory(self, name: str) -> None:
        await self._call_slow(lambda connection: libvirt_sleep.forget(connection, name))

    async def clone_disk(self, disk: str, copy: str) -> None:
        await self._call_long(lambda connection: libvirt_copies.clone(connection, self._name, disk, copy))

    async def clone_running(self, name: str, disk: str, copy: str) -> None:
        await self._call_long(lambda connection: libvirt_copies.clone_running(connection, self._name, name, disk, copy))

    async def end_clone(self, name: str) -> None:
        if not self._is_mock:
            await self._call_long(lambda connection: libvirt_copies.end_clone(connection, name))

    async def checkpoint(self, name: str, tag: str) -> Checkpoint:
        return await self._call_slow(lambda there: libvirt_checkpoints.make(there, self._name, name, tag))

    async def checkpoints(self, name: str) -> frozenset[str]:
        return await self._call_slow(lambda there: libvirt_checkpoints.tags(there, self._name, name))

    async def forget_checkpoint(self, name: str, tag: str) -> None:
        await self._call_slow(lambda there: libvirt_checkpoints.forget(there, self._name, name, tag))

    async def restore(self, name: str, tag: str) -> None:
        if self._is_mock:  # it would set back to what it never had
            raise NodeFault("libvirt's mock has no disks.")
        await self._call_long(lambda there: libvirt_checkpoints.restore(there, name, tag))

    def consoles(self) -> Consoles:
        return LibvirtConsoles(self._uri, lambda work: self._run(work, self._slow, _USAGE_S))

    async def undefine(self, name: str) -> None:
        def work(domain: libvirt.virDomain) -> None:
            if domain.isActive():
                raise NodeFault(f"Node “{self._name}” still runs this machine.")
            domain.undefineFlags(
                libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            )

        await self._with_domain(name, work)

    async def delete_disk(self, disk: str) -> None:
        def work(connection: libvirt.virConnect) -> None:
            with tolerate_absent():
                domain = connection.lookupByName(disk.partition(".")[0])
                if domain.isActive() and f"/{disk_name(disk)}'" in domain.XMLDesc(0):
                    raise NodeFault(f"Node “{self._name}” still runs this machine.")
            with tolerate_absent():
                pool = connection.storagePoolLookupByName(POOL)
                pool.storageVolLookupByName(disk_name(disk)).delete(0)

        await self._call_slow(work)

    async def disk_facts(self, disk: str) -> DiskFacts:
        return await self._call(lambda connection: libvirt_disks.disk_facts(connection, disk))

    async def read_disk(self, disk: str) -> AsyncGenerator[bytes]:
        stream = await self._move(lambda: DiskStream.reading(self._uri, disk))
        try:
            while piece := await self._move(stream.read):
                yield piece
            await self._move(stream.finish)
        finally:
            await self._let_go(stream)

    async def write_disk(self, disk: str, facts: DiskFacts, content: AsyncIterable[bytes]) -> None:
        await self._write(disk, content, for_all=False)

    async def has_base(self, base: str) -> bool:
        return await self._call(lambda connection: libvirt_disks.has_base(connection, base))

    async def write_base(self, base: str, content: AsyncIterable[bytes]) -> None:
        await self._call_slow(lambda connection: libvirt_disks.forget_base(connection, base))
        await self._write(base, content, for_all=True)

    async def keep_base(self, base: str) -> None:
        await self._call(lambda connection: libvirt_disks.keep_base(connection, base))

    async def migrate(self, name: str, disk: str, target: Hypervisor, new_disk: str) -> None:
        if not isinstance(target, LibvirtNode):
            raise NotLive("Nodes of two kinds can't exchange running machines.")
        ends = Ends(self._uri, target._uri)

        def work() -> None:
            source, there = open_connection(ends.source_uri), open_connection(ends.target_uri)
            try:
                libvirt_migration.migrate(source, there, ends, name, disk, new_disk)
            finally:
                close_connection(there)
                close_connection(source)

        await self._run(work, self._moves, _MIGRATE_S, _SLOW_QUEUE_S)

    async def stop_migrating(self, name: str) -> None:
        if not self._is_mock:  # which knows no jobs
            await self._with_domain(name, lambda domain: domain.abortJob())

    async def _write(self, disk: str, content: AsyncIterable[bytes], *, for_all: bool) -> None:
        stream = await self._move(lambda: DiskStream.writing(self._uri, disk, for_all=for_all))
        try:
            async for piece in content:
                await self._move(lambda piece=piece: stream.write(piece))
            await self._move(stream.finish)
        finally:
            await self._let_go(stream)

    async def _let_go(self, stream: DiskStream) -> None:
        with suppress(Unavailable):
            await asyncio.shield(self._move(stream.close))

    async def _move(self, work: Callable[[], T]) -> T:
        return await self._run(work, self._moves, _PIECE_S, _SLOW_QUEUE_S)

    async def usage(self) -> Mapping[str, Usage]:
        return await self._run(lambda: libvirt_looks.usage_of_all(self._connection.get()), self._slow, _USAGE_S)

    async def open_channel(self, name: str, channel: str) -> ByteStream:
        opened = LibvirtChannel(asyncio.get_running_loop())

        def work() -> None:
            try:
                opened.open(self._uri, name, channel)
            except libvirt.libvirtError as error:
                if is_absent(error) or is_wrong_state(error) or is_unsupported(error):
                    raise Unavailable("The machine is not running, or has no such channel.") from error
                raise

        try:
            await self._run(work, self._quick, self._deadline_s)
        except BaseException:
            opened.close()  # the call may go on in its thread: what it opens then is nobody's
            raise
        return opened

    def on_change(self, wake: Callable[[], None]) -> Callable[[], None]:
        return self._wakers.add(wake)

    async def close(self) -> None:
        self._wakers.clear()
        with suppress(Unavailable):
            await self._run(self._connection.close, self._quick, self._deadline_s)
        self._quick.close()
        self._slow.close()
        self._moves.close()

    # How calls are made.

    async def _call(self, work: Callable[[libvirt.virConnect], T]) -> T:
        return await self._run(lambda: work(self._connection.get()), self._quick, self._deadline_s)

    async def _call_slow(self, work: Callable[[libvirt.virConnect], T]) -> T:
        return await self._run(lambda: work(self._connection.get()), self._slow, _BOOT_S, _SLOW_QUEUE_S)

    async def _call_long(self, work: Callable[[libvirt.virConnect], T]) -> T:
        return await self._run(lambda: work(self._connection.get()), self._moves, _MIGRATE_S, _SLOW_QUEUE_S)

    async def _run(self, work: Callable[[], T], calls: Calls, deadline_s: float, queue_s: float | None = None) -> T:
        def call() -> T:
            try:
                return work()
            except libvirt.libvirtError as error:
                raise translate(error, self._name) from error

        return await calls.run(call, deadline_s=deadline_s, queue_s=queue_s)

    async def _with_domain(self, name: str, work: Callable[[libvirt.virDomain], Any]) -> None:
        """Do something to a domain. One that is absent, or not in a state for it, is as it should be."""

        def call(connection: libvirt.virConnect) -> None:
            try:
                work(connection.lookupByName(name))
            except libvirt.libvirtError as error:
                if not is_absent(error) and not is_wrong_state(error):
                    raise

        await self._call_slow(call)

    def _what_is_prepared(self) -> Prepared:
        if self._prepared is None:
            raise NodeFault(f"Node “{self._name}” is still being prepared.")
        return self._prepared

    # What is done in the threads.

    def _facts(self, connection: libvirt.virConnect) -> NodeFacts:
        arch, memory_mb, cpus, *_ = connection.getInfo()
        with suppress(libvirt.libvirtError):  # getInfo counts a sandboxed host's memory wrongly; the mock has only that
            memory_mb = connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)["total"] // 1024
        if connection not in self._capabilities:
            self._capabilities[connection] = libvirt_setup.capabilities(connection)
        kvm_advertised, host_id = self._capabilities[connection]
        return NodeFacts(arch, cpus, memory_mb, kvm_advertised, host_id)

    def _check_off(self, connection: libvirt.virConnect, name: str) -> None:
        with tolerate_absent():
            if connection.lookupByName(name).isActive():
                raise NodeFault(f"Node “{self._name}” still runs this machine.")

    def _boot(self, connection: libvirt.virConnect, spec: DomainSpec, prepared: Prepared) -> None:
        with tolerate_absent():
            if connection.lookupByName(spec.name).isActive():
                return
        try:
            self._define_and_start(connection, spec, prepared)
        except libvirt.libvirtError as error:
            if not self._has_shares or "CPU tuning is not available" not in str(error):
                raise
            self._has_shares = False
            self._define_and_start(connection, spec, prepared)

    def _define_and_start(self, connection: libvirt.virConnect, spec: DomainSpec, prepared: Prepared) -> None:
        xml = domain_xml.domain(spec, prepared.files, prepared.acceleration, with_shares=self._has_shares)
        if self._is_mock:
            xml = xml.replace('type="qemu"', 'type="test"', 1)
        domain = connection.defineXML(xml)
        libvirt_checkpoints.leave_no_trace(domain)
        try:
            domain.create()
        except libvirt.libvirtError as error:
            if not is_wrong_state(error):  # started by somebody else meanwhile
                raise
