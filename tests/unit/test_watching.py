# ruff: noqa: F811 - fixtures that are asked for
"""What a command of the assistant prints, seen while it runs."""

import asyncio
from pathlib import Path

import pytest

from backend.ai.tools.saying import Saying
from backend.guest.shell import Guests
from tests.chat_scene import Chat, model  # noqa: F401 - a fixture
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.guests import local_guest
from tests.model_server import ModelServer, Reply, says, uses
from tests.stores import eventually


async def test_what_a_command_prints_is_heard_as_it_comes_and_our_own_first_line_is_not(tmp_path: Path) -> None:
    heard: list[str] = []
    go = tmp_path / "go"
    command = rf"printf '\303'; sleep 0.1; printf '\251 one\n'; while ! [ -e {go} ]; do sleep 0.05; done; echo two >&2"
    async with local_guest(tmp_path) as (_, address):
        ours = Guests()
        running = asyncio.create_task(ours.run(address, command, hear=heard.append))
        await eventually("the first line", lambda: "one\n" in "".join(heard))
        assert not running.done()
        go.touch()
        done = await running
        await ours.close_all()
    assert "".join(heard) == "é one\ntwo\n"
    assert done.stderr == b"two\n"


async def test_of_what_comes_too_fast_only_the_end_is_said() -> None:
    said: list[str] = []
    saying = Saying(said.append)
    for number in range(10_000):
        saying.hear(f"line {number}\n")
    assert not said
    await eventually("its words", lambda: said)
    assert len(said) == 1
    assert said[0].startswith("\n… (faster than it can be shown) …\n")
    assert said[0].endswith("line 9999\n")
    saying.hear("the end")
    saying.flush()
    saying.flush()
    assert said[1:] == ["the end"]


@pytest.mark.parametrize("is_sub_agents", [False, True])
async def test_every_tab_sees_what_a_command_prints_while_it_runs(
    scene: Scene, model: ModelServer, tmp_path: Path, *, is_sub_agents: bool
) -> None:
    command = f"echo hello; while ! [ -e {tmp_path}/go ]; do sleep 0.05; done; echo over"
    model.will(*([uses("general", task="Wait")] if is_sub_agents else []))
    model.will(uses("run", command=command, folder="/"), says("Done."), says("All done."))
    chat = await Chat(scene).opened()
    chat.say(type="mode", mode="full")
    chat.say(text="Wait")
    call = (await chat.event("tool_call", tool="run"))["call"]
    await chat.event("output", call=call, content="hello\n")
    late = await Chat(scene).opened()
    opened = await late.event("conversation")
    assert opened["turn"]["outputs"] == {call: "hello\n"}
    (tmp_path / "go").touch()
    for each in (chat, late):
        await each.event("output", call=call, content="over\n")
        await each.event("tool_result", call=call, ok=True, content="hello\nover\nExit code 0.")
        await each.event("turn", status="done")
        await each.socket.leave()


async def test_who_is_asked_sees_where_a_command_runs_and_no_letter_hides(scene: Scene, model: ModelServer) -> None:
    model.will(Reply(calls=(("run", {"command": "rm -r *\u202e #\u200b", "folder": "/etc"}),)), says("So be it."))
    chat = await Chat(scene).opened()
    chat.say(text="Clean up")
    approval = await chat.event("approval")
    assert (await chat.event("tool_call", call=approval["call"]))["title"] == "Run rm -r * # in /etc"
    chat.say(type="answer", call=approval["call"], allow=False)
    await chat.event("turn", status="done")
    await chat.socket.leave()
