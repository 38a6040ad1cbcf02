# ruff: noqa: F811 - fixtures that are asked for
"""Who tries to hear, to steer or to use up what is not theirs of the assistant, and a guest that keeps it waiting."""

from pathlib import Path

import httpx
import pytest

from tests.asgi import ORIGIN
from tests.chat_scene import Chat, model  # noqa: F401 - a fixture
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.model_server import ModelServer, says, uses

pytestmark = pytest.mark.usefixtures("scene")


def _browser(scene: Scene, who: str = "owner") -> httpx.AsyncClient:
    """The API, as a person's pages ask it."""
    transport = httpx.ASGITransport(app=scene.api)
    headers, cookies = {"Origin": ORIGIN}, {"sid": scene.sids[who]}
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers, cookies=cookies)


async def _delete(scene: Scene, chat: Chat, who: str) -> int:
    """Delete the conversation that a tab has open; its id."""
    conversation: int = (await chat.event("titled"))["conversation"]
    async with _browser(scene, who) as browser:
        path = f"/api/containers/{scene.container_id}/conversations/{conversation}/"
        assert (await browser.delete(path)).status_code == 204
    await chat.event("deleted", conversation=conversation)
    return conversation


async def test_who_stays_in_a_deleted_conversation_neither_hears_nor_steers_the_next_of_that_id(
    scene: Scene, model: ModelServer, tmp_path: Path
) -> None:
    model.will(says("One."), uses("run", command=f"touch {tmp_path}/done", folder="/"), says("My secret."))
    lurker = await Chat(scene, "friend").opened()
    await lurker.ask("first")
    await _delete(scene, lurker, "friend")
    before = len(lurker.heard)
    chat = await Chat(scene).opened()
    chat.say(text="Do it")
    approval = await chat.event("approval")
    lurker.say(type="answer", call=approval["call"], allow=True)
    assert (await lurker.event("error"))["code"] == "not_found"
    lurker.say(type="stop")
    chat.say(type="answer", call=approval["call"], allow=False)
    await chat.event("turn", status="done")
    assert not (tmp_path / "done").exists()
    assert {each["event"] for each in lurker.heard[before:]} == {"error"}
    for each in (lurker, chat):
        await each.socket.leave()
