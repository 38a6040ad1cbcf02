"""Commands in a real guest, through the API: waited for, ended in time with all they began, or left to go on."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from backend.db import transaction
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from backend.services import keys
from tests.integration.world import TaskProcess, World
from tests.people import visitor
from tests.served_api import served_api
from tests.stores import eventually
from tests.unit.test_api_docs import asked, examples

pytestmark = [pytest.mark.vm]

_DAEMON = """python3 -c '
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvpe("sleep", ["sleep", "4331"], {})
    os._exit(0)
time.sleep(60)'"""


class Program:
    """What a program does to one container."""

    def __init__(self, client: httpx.AsyncClient, container_id: int, key: str) -> None:
        self._client, self._at = client, f"/api/containers/{container_id}"
        self.container_id, self.key = container_id, key

    async def execute(self, command: str, **more: object) -> httpx.Response:
        return await self._client.post(f"{self._at}/exec_command/", json={"command": command, **more})

    async def prints(self, command: str, **more: object) -> str:
        answer = await self.execute(command, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["stdout"].strip()

    async def ask(self, method: str, path: str) -> httpx.Response:
        return await self._client.request(method, f"{self._at}/processes/{path}")

    async def is_gone(self, pattern: str) -> bool:
        return await self.prints(f"pgrep -f '{pattern}' | wc -l") == "0"


@asynccontextmanager
async def _program(world: World) -> AsyncGenerator[Program]:
    await world.until_healthy()
    container_id = await world.create()
    async with transaction() as tx:
        _, key = await keys.create_key(tx, world.actor, name="test", scope="exec")
    await world.until(container_id, "running", seconds=180)
    try:
        async with visitor(api_key=key, origin=None, timeout=120) as client:
            yield Program(client, container_id, key)
    finally:
        await guests().close_all()
        await nodes().close_all()


async def test_commands_and_processes_of_a_real_guest(world: World, tasks: TaskProcess) -> None:
    async with _program(world) as program:
        await _answers(program)
        await _times_out(program)
        await _is_left(program)
        await _many_at_once(program)
        await _goes_on(program)
        await _does_as_the_docs_say(program)


async def _does_as_the_docs_say(program: Program) -> None:
    """The examples of docs/api.md that need a real machine, in a shell, against a server of its own."""
    await guests().close_all()  # one process at a time speaks to a guest
    said: list[str] = []
    with served_api() as url:
        for example in examples("sh vm"):
            status, body = asked(example, url=url, key=program.key, id=program.container_id)
            assert 200 <= status < 300, f"{example}\n{status} {body}"
            said.append(body)
    assert "hello" in said  # what was uploaded came back


async def _answers(program: Program) -> None:
    done = (await program.execute("echo out; echo err >&2; cat; pwd; echo $X; exit 3", **_MORE)).json()
    assert (done["stdout"], done["stderr"], done["exit_code"]) == ("out\nin/tmp\na b\n", "err\n", 3)
    assert (done["truncated"], done["timed_out"]) == (False, False)
    much = (await program.execute("head -c 2000000 /dev/zero | tr '\\0' x")).json()
    assert (len(much["stdout"]), much["truncated"], much["exit_code"]) == (512 * 1024, True, 0)
    assert (await program.execute("true", cwd="/not/there")).json()["exit_code"] == 126


_MORE = {"stdin": "in", "cwd": "/tmp", "env": {"X": "a b"}}


async def _times_out(program: Program) -> None:
    """Whatever it began, wherever that went: into another session, to another parent, without its environment."""
    for command in (
        "echo begun; setsid sleep 4331 & sleep 4331",
        f"echo begun; {_DAEMON}",
        "echo begun; trap '' TERM; setsid sh -c \"trap '' TERM; while :; do sleep 0.1; done # 4331\" & sleep 60",
    ):
        late = await program.execute(command, timeout_s=3)
        said = late.json()
        assert (late.status_code, said["error"]["code"], said["timed_out"]) == (504, "timeout", True)
        assert said["stdout"] == "begun\n"
        await _eventually("all of it to be gone", lambda: program.is_gone("433[1]"))


async def _is_left(program: Program) -> None:
    """What was begun on purpose, and went on, is not ended by another command that takes the same place."""
    await program.execute("setsid sleep 4332 > /dev/null 2>&1 &")
    assert (await program.execute("sleep 30", timeout_s=1)).status_code == 504
    assert not await program.is_gone("sleep 433[2]")
    waiting = asyncio.create_task(program.execute("sleep 4333", timeout_s=60))
    await _eventually("it to run", lambda: _runs(program, "sleep 433[3]"))
    waiting.cancel()  # as a client that hangs up
    await asyncio.gather(waiting, return_exceptions=True)
    await _eventually("it to be ended", lambda: program.is_gone("sleep 433[3]"))


async def _runs(program: Program, pattern: str) -> bool:
    return not await program.is_gone(pattern)


async def _many_at_once(program: Program) -> None:
    answers = await asyncio.gather(*(program.execute(f"echo {number}") for number in range(32)))
    assert [each.json()["stdout"] for each in answers] == [f"{number}\n" for number in range(32)]


async def _goes_on(program: Program) -> None:
    begun = await program.execute("echo a; echo $X; setsid sleep 4334 & sleep 4335", background=True, env={"X": "b c"})
    assert begun.status_code == 202
    name = begun.json()["process_id"]
    await _eventually("it to have said all", lambda: _said(program, name, "a\nb c\n"))
    assert (await program.ask("GET", f"{name}/log/?offset=2")).json()["data"] == "b c\n"
    assert (await program.ask("GET", f"{name}/")).json()["state"] == "running"
    assert [each["process_id"] for each in (await program.ask("GET", "")).json()["items"]] == [name]
    await guests().close_all()  # as a server that stops
    assert (await program.ask("DELETE", f"{name}/")).status_code == 204
    assert await program.is_gone("sleep 433[45]")
    ended = (await program.ask("GET", f"{name}/")).json()
    assert (ended["state"], ended["exit_code"]) == ("stopped", 143)
    assert (await program.ask("DELETE", f"{name}/")).status_code == 204
    assert (await program.ask("GET", f"{name}/")).status_code == 404
    failed = (await program.execute("exit 7", background=True)).json()["process_id"]
    await _eventually("it to end", lambda: _ended(program, failed))
    assert (await program.ask("GET", f"{failed}/")).json()["exit_code"] == 7
    much = (await program.execute("head -c 12000000 /dev/zero | tr '\\0' x; echo; echo end", background=True)).json()
    await _eventually("it to end", lambda: _ended(program, much["process_id"]))
    log = (await program.ask("GET", f"{much['process_id']}/log/?limit=1")).json()
    assert (log["offset"], log["data"]) == (12_000_005 - 8 * 1024 * 1024, "x")
    assert (await program.ask("GET", f"{much['process_id']}/log/?offset=-4")).json()["data"] == "end\n"


async def _eventually(what: str, happened: Callable[[], Awaitable[bool]]) -> None:
    """Each look is a command for a processor that has just booted, and has other work: few of them, and long enough."""
    await eventually(what, happened, seconds=90, pause_s=0.5)


async def _said(program: Program, name: str, text: str) -> bool:
    return (await program.ask("GET", f"{name}/log/")).json()["data"] == text


async def _ended(program: Program, name: str) -> bool:
    return (await program.ask("GET", f"{name}/")).json()["state"] == "ended"
