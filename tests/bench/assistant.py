"""How long a token takes from the model's provider to who reads along, and how soon a person's stop is felt.

Tokens carry the moment at which the provider sent them, by this machine's monotonic clock.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.ai.provider import Model
from tests.bench.assistant_page import in_a_browser
from tests.bench.boxes import boxes
from tests.bench.machines import resident_mb
from tests.bench.played import playing
from tests.bench.report import Figure, percentile, spread
from tests.e2e import people, served
from tests.e2e.served import Served
from tests.machines import private_node
from tests.model_server import ModelServer, Reply, model_server, uses
from tests.served_machine import ServedMachine, served_machine, set_up
from tests.talk import Talk, talking

_FIRSTS = 40
_PEOPLE, _CONTAINERS = 5, 10
_RATE, _STREAM_S = 100, 40
_STOPS = 10
_SLEEP = "sleep 4334"
_ANSWER_S = 120.0


async def measure() -> list[Figure]:
    """Tokens through a server whose guests are played, to sockets and to a browser, and stops in a real machine."""
    return [*await _tokens(), *await in_a_browser(), await _stops()]


async def _tokens() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with playing(home) as found, model_server() as model:
            settings = served.memory_node(home) | found
            with served.serve(home, settings, app="tests.bench.played:app", users=_PEOPLE) as server:
                names = [people.name_of(number) for number in range(_PEOPLE)]
                await set_up(server, Model(model.url, "sk-none", "metronome"), *names)
                rooms = [(await boxes(server, number, _CONTAINERS)) for number in range(_PEOPLE)]
                doors = [(sid, each) for sid, made in rooms for each in made]
                return [await _first(server, model, doors[0]), *await _streams(server, model, doors)]


async def _first(server: Served, model: ModelServer, door: tuple[str, int]) -> Figure:
    """From the provider's first token to its frame, one question after another."""
    taken_ms: list[float] = []
    async with talking(server.url, *door) as talk:
        for _ in range(_FIRSTS + 1):
            model.will(Reply(text=_stamps(1)))
            await talk.say(text="Say when")
            frame = await talk.next("text")
            taken_ms.append((time.monotonic() - float(frame["content"])) * 1000)
            await talk.next("memory_data")
    taken_ms = taken_ms[1:]  # the first question of a server loads the library
    p95 = percentile(taken_ms, 0.95)
    return Figure("the model's first token → socket, p95", p95, "ms", _FIRSTS, 30, detail=spread(taken_ms))


@dataclass(slots=True)
class _Reader:
    """One chat: of each token when it was sent, and how much later it came."""

    talk: Talk
    came: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        await self.talk.say(text="Count")
        async with asyncio.timeout(_ANSWER_S):
            while (frame := json.loads(await self.talk.socket.recv()))["event"] != "usage":
                if frame["event"] == "text":
                    at = time.monotonic()
                    self.came += [(float(each), at - float(each)) for each in frame["content"].split()]
                    self.has_begun.set()
                if frame["event"] == "error":
                    raise RuntimeError(frame["message"])


async def _streams(server: Served, model: ModelServer, doors: list[tuple[str, int]]) -> list[Figure]:
    """All chats, each begun when the one before has its first token. What counts is the time in which all stream."""
    before_mb, before_s = resident_mb(server.pid), _processor_s(server.pid)
    model.decide = lambda _question: Reply(text=_stamps(_RATE * _STREAM_S), pause_s=1 / _RATE)
    async with AsyncExitStack() as stack:
        readers = [_Reader(await stack.enter_async_context(talking(server.url, *door))) for door in doors]
        began = time.monotonic()
        async with asyncio.TaskGroup() as reading:
            for each in readers:
                reading.create_task(each.read())
                await asyncio.wait_for(each.has_begun.wait(), _ANSWER_S)
            until_all_s = time.monotonic() - began
            with_all_mb = resident_mb(server.pid)
    begin, end = max(each.came[0][0] for each in readers), min(each.came[-1][0] for each in readers)
    delays_ms = [late * 1000 for each in readers for at, late in each.came if begin <= at <= end]
    assert all(len(each.came) == _RATE * _STREAM_S for each in readers), "tokens were lost"
    rate = len(delays_ms) / (end - begin) / len(readers)
    each_us = (_processor_s(server.pid) - before_s) / (_RATE * _STREAM_S * len(readers)) * 1e6
    name = f"{len(readers)} chats of {_RATE} tokens/s: a token's delay, p95"
    return [
        Figure(name, percentile(delays_ms, 0.95), "ms", len(delays_ms), 100, detail=spread(delays_ms)),
        Figure("tokens that came to each of them", rate, "/s", len(readers)),
        Figure("until all of them have begun, one after another", until_all_s, "s", 1),
        Figure("the server's processor time for a token, turns included", each_us, "µs", len(readers)),
        Figure(f"server memory with {len(readers)} chats", with_all_mb, "MB", 1, detail={"before": round(before_mb)}),
    ]


def _processor_s(pid: int) -> float:
    """What a process has used of processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _stamps(count: int) -> Iterator[str]:
    """Tokens, each with the moment at which it is asked for."""
    for _ in range(count):
        yield f"{time.monotonic():.6f} "


async def _stops() -> Figure:
    """From the frame `stop` until what ran is gone in the guest, as somebody sees who waits for that in there."""
    taken_ms: list[float] = []
    async with model_server() as model, _machine(model) as machine, machine.talking() as talk:
        for _ in range(_STOPS):
            taken_ms.append(await _stop(machine, talk, model))
    worst = max(taken_ms)
    return Figure(
        "stop → the command is gone in the guest, slowest", worst, "ms", _STOPS, 1000, detail=spread(taken_ms)
    )


async def _stop(machine: ServedMachine, talk: Talk, model: ModelServer) -> float:
    model.will(uses("run", command=_SLEEP, timeout_s=600))
    await talk.say(text="Sleep")
    asked: dict[str, Any] = await talk.next("approval")
    await talk.say(type="answer", call=asked["call"], allow=True)
    _, pid = await machine.run(f"until pgrep -fx '{_SLEEP}'; do sleep 0.05; done")
    watch = asyncio.create_task(machine.run(f"echo seen > /tmp/watch; tail --pid={pid.strip()} -s 0.02 -f /dev/null"))
    await machine.run("until [ -s /tmp/watch ]; do sleep 0.05; done; rm /tmp/watch")
    began = time.monotonic()
    await talk.say(type="stop")
    await watch
    took_s = time.monotonic() - began
    await talk.next("turn", status="stopped")
    return took_s * 1000


@asynccontextmanager
async def _machine(model: ModelServer) -> AsyncGenerator[ServedMachine]:
    with private_node() as node, tempfile.TemporaryDirectory() as home:
        async with served_machine(node, Path(home), Model(model.url, "sk-none", "sleeper")) as machine:
            yield machine
