"""The Python client and an agent's, each with a real machine."""

from collections.abc import AsyncGenerator, Iterator

import httpx
import pytest

from backend.api.app import make_api
from backend.guest.files import files
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from tests.asgi import ORIGIN
from tests.integration.world import TaskProcess, World
from tests.programs import a_key
from tests.stores import eventually
from tests.unit.test_mcp_door import agent
from tests.unit.test_sdk import AsyncClient

pytestmark = [pytest.mark.vm]


@pytest.fixture
async def key(world: World, tasks: TaskProcess) -> AsyncGenerator[str]:
    await world.until_healthy()
    yield await a_key(world.actor)
    await files().forget_all()
    await guests().close_all()
    await nodes().close_all()


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that boots beside other work may take longer than a client waits by itself."""
    monkeypatch.setattr("backend.api.mcp.calling.BOOT_S", 400.0)
    return


async def test_the_python_client_works_in_a_machine_that_is_gone_at_the_end_of_its_block(
    key: str, world: World
) -> None:
    transport = httpx.ASGITransport(make_api())
    async with AsyncClient(ORIGIN, key, transport=transport) as client:
        async with client.run("small", "mine") as machine:
            put = await machine.put_files({"hello.sh": "echo hello from $(hostname)\n", "raw": b"\x00\xff"})
            assert put.created == ["hello.sh", "raw"]
            assert (await machine.exec("sh hello.sh", cwd="/app", timeout=60)).stdout == "hello from mine\n"
            assert (await machine.read_file("/app/raw")).content_b64 == "AP8="
            stream = machine.stream("for i in 1 2 3; do echo $i; sleep 0.2; done; cat; exit 5", stdin=b"\xff")
            assert "".join([text async for text in stream]) == "1\n2\n3\n\ufffd"
            assert stream.exit_code == 5
            assert (await client.processes(machine.id)).count == 0
        await world.until_gone(machine.id)


async def test_an_agent_serves_something_from_a_machine(key: str, patience: None) -> None:
    async with agent(key, timeout_s=500) as client:

        async def call(tool: str, **arguments: object) -> dict[str, object]:
            said = await client.call_tool(tool, arguments, read_timeout_seconds=500)
            assert not said.is_error, said.content
            return said.structured_content or {}

        made = await call("get_or_create_container", name="site", type="small")
        here = {"container_id": made["id"]}
        await call("write_files", **here, files=[{"path": "index.html", "content": "<h1>here</h1>"}])
        assert [each["name"] for each in (await call("read_path", **here))["entries"]] == ["index.html"]  # type: ignore[index]
        begun = await call("container_exec", **here, command="python3 -m http.server 8000", background=True)

        async def answers() -> bool:
            done = (await call("container_exec", **here, command="curl -s 127.0.0.1:8000"))["done"]
            return done["stdout"] == "<h1>here</h1>"  # type: ignore[index]

        await eventually("its page", answers, seconds=120, pause_s=0.5)
        assert (await call("process_status", **here, process_id=begun["process_id"]))["state"] == "running"
        shown = await call("get_preview", **here, port=8000)
        assert (str(shown["url"]).endswith("/previews/8000/"), shown["public"]) == (True, False)
        await call("destroy_container", **here, confirm=True)
