"""What listening to consoles must not do to libvirt."""

import asyncio
import threading
from collections.abc import Callable

import libvirt
import pytest

from backend.errors import Unavailable
from backend.hypervisor.driver import PREFIX
from backend.hypervisor.libvirt_console import LibvirtConsoles
from tests.stores import eventually


async def test_while_a_look_hangs_no_other_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on, looks = threading.Event(), threading.Event(), list[str]()

    def hang(_consoles: LibvirtConsoles) -> None:
        looks.append("look")
        begun.set()
        goes_on.wait(20)

    async def in_a_thread(call: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
        return await asyncio.to_thread(call)

    monkeypatch.setattr(LibvirtConsoles, "_connected", hang)
    monkeypatch.setattr(LibvirtConsoles, "_read_all", lambda _consoles, _connection: {"one": b"said"})
    consoles = LibvirtConsoles("qemu:///system", in_a_thread)
    first = asyncio.create_task(consoles.read())
    await asyncio.to_thread(begun.wait, 20)
    with pytest.raises(Unavailable, match="has not come back"):
        await consoles.read()
    await consoles.close()
    assert looks == ["look"]
    goes_on.set()
    assert await first == {"one": b"said"}
    assert await consoles.read() == {"one": b"said"}


class _Starting:
    """A node's connection and its one machine, whose console is not there yet when it is first looked at."""

    def __init__(self) -> None:
        self.refusals = 1

    def listAllDomains(self, _flags: int) -> list["_Starting"]:  # noqa: N802 - libvirt's names
        return [self]

    def newStream(self, _flags: int) -> "_Starting":  # noqa: N802
        return self

    def name(self) -> str:
        return f"{PREFIX}one"

    def ID(self) -> int:  # noqa: N802
        return 1

    def openConsole(self, _device: None, _stream: object, _flags: int) -> None:  # noqa: N802
        if self.refusals:
            self.refusals -= 1
            refused = libvirt.libvirtError("cannot find character device")
            refused.err = (libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_FROM_QEMU, str(refused), 0, "", "", "", -1, -1)
            raise refused

    def recv(self, _size: int) -> bytes | int:
        return -2 if self.refusals else b"said"

    def abort(self) -> None:
        self.refusals = 0


async def test_a_machine_that_is_looked_at_while_it_starts_is_heard_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(call: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
        return call()

    starting = _Starting()
    monkeypatch.setattr(LibvirtConsoles, "_connected", lambda _consoles: starting)
    consoles = LibvirtConsoles("qemu:///system", at_once)
    assert await consoles.read() == {}
    heard = await eventually("it to be heard", consoles.read, seconds=15, pause_s=0.1)
    assert heard[f"{PREFIX}one"].startswith(b"said")
