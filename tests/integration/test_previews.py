"""Ports, previews and Run in a real guest. One machine serves all steps."""

import asyncio
import json
import time
from contextlib import aclosing

import pytest

from backend.db import reading
from backend.errors import Conflict, Invalid
from backend.guest import ports
from backend.guest.channel import GuestAddress
from backend.guest.ports import Port
from backend.guest.shell import guests
from backend.guest.terminals import terminals
from backend.hypervisor.registry import nodes
from backend.services import previews, runs
from tests.integration.world import TaskProcess, World
from tests.stores import eventually

pytestmark = [pytest.mark.vm]
_SERVE = "python3 -m http.server"


async def test_ports_previews_and_run(world: World, tasks: TaskProcess) -> None:
    await world.until_healthy()
    container_id = await world.create()
    await world.until(container_id, "running", seconds=180)
    async with reading() as tx:
        address = await (await previews.ports(tx, world.actor, container_id)).address()
    try:
        await _watched(address)
        await _run(world, container_id, address)
        await _carried(address)
        await runs.stop(world.actor, container_id)
        await runs.stop(world.actor, container_id)
        assert await _is_gone(address, "sleep [7]654")
        assert not await _opens(address)
        assert runs.TERMINAL not in [each.id for each in await terminals().listed(address)]
    finally:
        await terminals().forget_all()
        await guests().close_all()
        await nodes().close_all()


async def _text(address: GuestAddress, command: str) -> str:
    return (await guests().run(address, command)).stdout.decode().strip()


async def _watched(address: GuestAddress) -> None:
    """What opens and closes is told, and looking costs the guest next to nothing."""
    async with asyncio.timeout(60), aclosing(ports.watch(address)) as seen:
        assert 8000 not in [each.port for each in await anext(seen)]
        begin = f"cd /srv; nohup {_SERVE} 8000 --bind 127.0.0.1 > /dev/null 2>&1 & echo $!"
        pid = await _text(address, begin)
        while Port(8000, "python3") not in (found := await anext(seen)):
            assert 8000 not in [each.port for each in found]
        assert Port(8000, "python3") in await ports.listening(address)
        await _text(address, f"kill {pid}")
        while 8000 in [each.port for each in await anext(seen)]:
            pass
        used = "cat /proc/$(pgrep -f 'mapfile -t lines' | head -1)/stat | cut -d' ' -f14-17"
        before, at = await _text(address, used), time.monotonic()
        await eventually("some seconds to pass", lambda: time.monotonic() - at > 5)
        ticks = sum(map(int, (await _text(address, used)).split())) - sum(map(int, before.split()))
        print(f"watching for ports: {ticks} ticks of 10 ms in 5 s")
        assert ticks < 50
    await eventually("the watcher to be gone", lambda: _is_gone(address, "[m]apfile"))


async def _is_gone(address: GuestAddress, pattern: str) -> bool:
    return await _text(address, f"pgrep -f '{pattern}' | wc -l") == "0"


async def _run(world: World, container_id: int, address: GuestAddress) -> None:
    assert await runs.config_of(world.actor, container_id) == (None, False)
    with pytest.raises(Conflict, match=r"no /app/config\.json"):
        await runs.start(world.actor, container_id)
    await _text(address, "mkdir -p /app; echo '{\"run\": 1}' > /app/config.json")
    with pytest.raises(Invalid, match="“run”"):
        await runs.start(world.actor, container_id)
    command = f'echo it’s "on"; sleep 7654 & exec {_SERVE} 8000'
    written = json.dumps({"run": command, "port": 8000})
    await guests().run(address, "cat > /app/config.json", stdin=written.encode())
    for _ in range(2):  # the second one takes the place of the first, and of its port
        config = await runs.start(world.actor, container_id)
        assert config.port == 8000
        await eventually("the port to open", lambda: _opens(address))
    assert (await runs.config_of(world.actor, container_id))[1]
    terminal = next(each for each in await terminals().listed(address) if each.id == runs.TERMINAL)
    await eventually("its output", lambda: b"Serving HTTP" in terminal._ring.replay())
    assert await _text(address, "pgrep -cf 'sleep [7]654'") == "1"


async def _opens(address: GuestAddress) -> bool:
    return Port(8000, "python3") in await ports.listening(address)


async def _carried(address: GuestAddress) -> None:
    """Bytes go through, and fast enough."""
    await _text(address, "head -c 20000000 /dev/zero > /app/large")
    began = time.monotonic()
    ends = await ports.connect(address, 8000)
    assert ends is not None
    reader, writer = ends
    writer.write(b"GET /large HTTP/1.0\r\n\r\n")
    size = 0
    while piece := await reader.read(65536):
        size += len(piece)
    writer.close()
    print(f"a preview carries {size / (time.monotonic() - began) / 1e6:.1f} MB/s")
    assert size > 20_000_000
    began = time.monotonic()
    for _ in range(10):
        ends = await ports.connect(address, 8000)
        assert ends is not None
        ends[1].close()
    print(f"a connection is made in {(time.monotonic() - began) * 100:.0f} ms")
    assert await ports.connect(address, 8001) is None
