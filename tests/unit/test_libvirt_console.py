"""What listening to consoles must not do to libvirt."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from backend.errors import Unavailable
from backend.hypervisor.libvirt_console import LibvirtConsoles


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
