# ruff: noqa: F811 - fixtures that are asked for
"""What a page of the assistant is told when it opens a conversation, and what its other tabs hear of."""

import httpx
import pytest

from backend.api.ws import ai
from backend.db import transaction
from backend.services import keys
from tests.asgi import ORIGIN
from tests.chat_scene import Chat, model  # noqa: F401 - a fixture
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture
from tests.model_server import ModelServer, says, uses

pytestmark = pytest.mark.usefixtures("scene")


def _browser(scene: Scene) -> httpx.AsyncClient:
    """The API, as the owner's pages ask it."""
    transport = httpx.ASGITransport(app=scene.api)
    headers, cookies = {"Origin": ORIGIN}, {"sid": scene.sids["owner"]}
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers, cookies=cookies)


async def test_a_conversation_tells_of_its_turns_and_of_what_is_left(scene: Scene, model: ModelServer) -> None:
    model.will(says("One."))
    chat = await Chat(scene).opened()
    assert (await chat.event("conversation"))["turns"] == []
    await chat.ask("first")
    again = await Chat(scene).opened()
    opened = await again.event("conversation")
    done = await chat.event("turn", status="done")
    assert opened["turns"] == [{"turn": done["turn"], "number": 1, "status": "done"}]
    assert (opened["ai_uses_left_today"], opened["budget_left"]) == (4, None)
    for each in (chat, again):
        await each.socket.leave()


async def test_a_tab_that_opens_while_the_first_question_is_asked_hears_of_it(
    scene: Scene, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.will(says("One."))
    chat = await Chat(scene).opened()
    is_set_up = ai._is_set_up

    async def is_set_up_meanwhile() -> bool:
        await chat.ask("first")
        return await is_set_up()

    monkeypatch.setattr(ai, "_is_set_up", is_set_up_meanwhile)
    other = await Chat(scene).opened()
    begun = await other.event("titled")
    assert other.heard.index(begun) > other.heard.index(await other.event("conversation", id=None))
    assert begun["conversation"] == (await chat.event("titled"))["conversation"]
    for each in (chat, other):
        await each.socket.leave()


async def test_every_tab_hears_of_another_mode(scene: Scene, model: ModelServer) -> None:
    model.will(says("One."))
    chat = await Chat(scene).opened()
    await chat.ask("first")
    other = await Chat(scene).opened()
    chat.say(type="mode", mode="auto-edit")
    for each in (chat, other):
        assert (await each.event("mode"))["mode"] == "auto-edit"
        await each.socket.leave()


async def test_a_mode_chosen_before_the_first_question_holds_for_it(scene: Scene, model: ModelServer) -> None:
    model.will(uses("write", path="/app/new.txt", content="new\n"), says("Done."))
    chat = await Chat(scene).opened()
    chat.say(type="mode", mode="dance")
    assert (await chat.event("error"))["code"] == "invalid"
    chat.say(type="mode", mode="auto-edit")
    await chat.event("mode", mode="auto-edit")
    await chat.ask("Write it")
    assert (scene.root / "new.txt").read_text() == "new\n"
    again = await Chat(scene).opened()
    assert (await again.event("conversation"))["mode"] == "auto-edit"
    for each in (chat, again):
        await each.socket.leave()


async def test_another_title_and_the_end_are_told_to_open_tabs(scene: Scene, model: ModelServer) -> None:
    model.will(says("One."))
    chat = await Chat(scene).opened()
    await chat.ask("first")
    conversation = (await chat.event("titled"))["conversation"]
    address = f"/api/containers/{scene.container_id}/conversations/{conversation}/"
    async with _browser(scene) as browser:
        assert (await browser.patch(address, json={"title": "Otters"})).status_code == 200
        await chat.event("titled", conversation=conversation, title="Otters")
        assert (await browser.delete(address)).status_code == 204
    await chat.event("deleted", conversation=conversation)
    await chat.socket.leave()


async def test_who_is_asked_about_an_edit_sees_what_it_changes(scene: Scene, model: ModelServer) -> None:
    scene.root.mkdir(exist_ok=True)
    (scene.root / "a.txt").write_text("one\ntwo\n")
    model.will(
        uses("edit", path="/app/a.txt", old="two", new="three"),
        uses("write", path="/app/b.txt", content="fresh\n"),
        uses("edit", path="/app/a.txt", old="nowhere", new="three"),
        says("Done."),
    )
    chat = await Chat(scene).opened()
    chat.say(text="Change it")
    diffs, approval = list[str](), dict[str, object]()
    for _ in range(3):
        approval = await chat.event("approval", after=chat.heard.index(approval) + 1 if diffs else 0)
        diffs.append(approval.get("diff", ""))
        chat.say(type="answer", call=approval["call"], allow=True)
    await chat.event("turn", status="done")
    assert "-two\n+three" in diffs[0]
    assert "+fresh" in diffs[1]
    assert diffs[2] == ""
    assert (scene.root / "a.txt").read_text() == "one\nthree\n"
    await chat.socket.leave()


async def test_the_end_of_a_key_ends_what_was_begun_with_it(scene: Scene, model: ModelServer) -> None:
    model.will(says("First."), uses("run", command="true", folder="/"), says("Never said."))
    async with transaction() as tx:
        key, text = await keys.create_key(tx, scene.owner, name="program", scope="exec")
    watching = await Chat(scene).opened()
    chat = await Chat.by_key(scene.api, scene.container_id, text).opened()
    await chat.ask("Hello")
    watching.say(type="open", conversation=(await watching.event("titled"))["conversation"])
    chat.say(text="Do it")
    approval = await watching.event("approval")
    async with transaction() as tx:
        await keys.revoke_key(tx, scene.owner, key.id)
    assert await chat.socket.closed() == 4401
    watching.say(type="answer", call=approval["call"], allow=True)
    await watching.event("turn", status="failed")
    assert not [each for each in watching.heard if each["event"] == "said" and each["text"] == "Never said."]
    await watching.socket.leave()
