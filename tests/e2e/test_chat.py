"""The assistant as people use it, on paper: what a browser shows and sends, without a model or a machine."""

import re
from collections.abc import Mapping

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.conftest import PaperPage
from tests.e2e.paper_chat import CODE, PaperChat, a_day_of_work, finish, open_chat
from tests.e2e.steps import assert_accessible
from tests.stores import eventually

pytestmark = pytest.mark.browser


@pytest.fixture
def chat() -> PaperChat:
    return PaperChat()


@pytest.fixture
def paper_chat_page(paper_page: PaperPage, chat: PaperChat) -> PaperPage:
    """The container's page with its assistant shown, which is `chat`."""

    async def visit(**options: object) -> Page:
        page = await paper_page(**options)
        await chat.serve(page)
        await page.reload()
        await expect(page.locator(".pq-workspace")).to_be_visible()
        await open_chat(page)
        return page

    return visit


@pytest.fixture
async def page(paper_chat_page: PaperPage) -> Page:
    return await paper_chat_page()


def _log(page: Page) -> Locator:
    return page.get_by_role("log", name="Conversation")


async def _said(chat: PaperChat, *last: Mapping[str, object]) -> None:
    """Wait until these are the last words of the page."""
    await eventually(f"{last} in {chat.said}", lambda: chat.said[-len(last) :] == list(last))


async def _ask_too_early(page: Page) -> None:
    """What is asked stays in its box."""
    await page.keyboard.type("Quick")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Ask the assistant")).to_have_value("Quick")


async def test_a_question_waits_until_it_is_known_in_which_conversation_it_is_asked(
    paper_chat_page: PaperPage, chat: PaperChat
) -> None:
    chat.is_slow = True
    page = await paper_chat_page()
    await _ask_too_early(page)
    assert chat.said == []
    chat.open_now()
    await _said(chat, {"text": "Quick"})
    chat.ask("Quick")
    await expect(page.get_by_role("heading", name="A small service")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Ask the assistant")).to_have_value("")
    assert chat.said == [{"text": "Quick"}]


async def test_a_question_waits_until_the_assistant_is_reached(paper_chat_page: PaperPage, chat: PaperChat) -> None:
    chat.reached.clear()
    page = await paper_chat_page()
    await _ask_too_early(page)
    chat.reached.set()
    await _said(chat, {"text": "Quick"})


async def test_a_question_that_is_written_on_is_not_sent_before_it_is_said_again(
    paper_chat_page: PaperPage, chat: PaperChat
) -> None:
    chat.is_slow = True
    page = await paper_chat_page()
    await _ask_too_early(page)
    await page.keyboard.type(" and good")
    chat.open_now()
    await expect(page.get_by_role("heading", name="What is to be done?")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Ask the assistant")).to_have_value("Quick and good")
    await page.keyboard.press("Enter")
    await _said(chat, {"text": "Quick and good"})
    assert len(chat.said) == 1


async def test_a_question_is_sent_and_its_answer_is_shown_as_it_is_written(page: Page, chat: PaperChat) -> None:
    await page.keyboard.type("Write a service")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("in Python")
    await page.keyboard.press("Enter")
    await expect(_log(page)).to_contain_text("Write a service\nin Python")
    assert chat.said == [{"text": "Write a service\nin Python"}]
    chat.ask("Write a service\nin Python")
    await expect(page.get_by_role("heading", name="A small service")).to_be_visible()
    chat.tell("start_text")
    chat.tell("text", content="It is **under")
    await expect(_log(page)).to_contain_text("It is **under")
    chat.tell("text", content=" way**.")
    await expect(_log(page).locator("strong")).to_have_text("under way")
    chat.tell("finish_text")
    chat.happen("said", text="It is **under way**.")
    chat.write(CODE)
    chat.turn("done")
    await expect(_log(page).locator(".tok-keyword").first).to_be_visible()
    await page.get_by_role("button", name="Copy the code").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    await expect(_log(page).locator(".pq-asked")).to_have_count(1)


async def test_what_a_model_says_can_do_nothing_to_the_page(page: Page, chat: PaperChat) -> None:
    chat.ask("Show me")
    chat.write(
        "<script>stolen = 1</script><img src=x onerror='stolen = 1'>\n\n"
        "![a picture](http://elsewhere.example/x.png) [good](https://example.org/) [bad](javascript:stolen=1) "
        "[data](data:text/html,x) <http://auto.example/>\n\n<style>* { display: none }</style>"
    )
    chat.turn("done")
    text = _log(page).locator(".pq-chat-text")
    await expect(text).to_contain_text("[a picture]")
    await expect(text.locator("img, script, style")).to_have_count(0)
    await expect(text.locator("a")).to_have_count(2)
    link = text.get_by_role("link", name="good")
    assert await link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert await page.evaluate("window.stolen") is None


async def test_steps_are_folded_and_an_approval_is_answered_by_keyboard(page: Page, chat: PaperChat) -> None:
    a_day_of_work(chat)
    step = page.get_by_role("button", name=re.compile("Run `pytest -q`"))
    await expect(step).to_contain_text("did not work")
    await step.click()
    await expect(_log(page).get_by_label("Output", exact=True)).to_contain_text("1 failed in 0.02s")
    approval = page.get_by_role("group", name="May it? Edit /app/service.py")
    await expect(approval).to_contain_text("PORT = 8000")
    await page.get_by_role("textbox", name="Ask the assistant").focus()
    await page.keyboard.press("Alt+y")
    await _said(chat, {"type": "answer", "call": "a3", "allow": True})
    chat.happen("answered", call="a3", allow=True)
    await expect(approval).to_have_count(0)


async def test_what_a_command_prints_is_watched_in_a_tab_of_the_terminals(page: Page, chat: PaperChat) -> None:
    tab = page.get_by_role("tab", name="Assistant", exact=True)
    chat.ask("Build it")
    chat.use("r1", "run", "Run make in /srv", command="make", folder="/srv")
    await expect(_log(page)).to_contain_text("Run make in /srv")
    await expect(tab).to_have_count(0)
    chat.happen("began", call="r1")
    await tab.click()
    screen = page.get_by_role("tabpanel", name="What the assistant runs")
    chat.tell("output", call="r1", content="building…\n")
    await expect(screen).to_contain_text("$ make (in /srv)")
    await expect(screen).to_contain_text("building…")
    chat.result("r1", "building…\nExit code 2.", ok=False)
    await expect(screen).to_contain_text("Exit code 2.")
    await page.keyboard.type("nothing")
    await expect(screen).not_to_contain_text("nothing")


async def test_letters_that_hide_are_told_to_who_is_asked(page: Page, chat: PaperChat) -> None:
    chat.ask("Clean up")
    chat.use("r1", "run", "Run ls # in /etc", command="ls \u202e#\u200b", folder="/etc")
    chat.happen("approval", call="r1", why="it writes to /etc")
    approval = page.get_by_role("group", name="May it? Run ls # in /etc")
    await expect(approval).to_contain_text("ls ⟨U+202E⟩#⟨U+200B⟩")
    await expect(approval).to_contain_text("in /etc")


async def test_it_is_stopped_with_a_key_and_can_be_tried_again(page: Page, chat: PaperChat) -> None:
    chat.ask("Do it")
    await expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    await page.keyboard.press("Escape")
    chat.happen("error", code="ai-cut-off", message="The answer broke off.")
    chat.turn("failed")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("alert")).to_have_text("The answer broke off.")
    assert [each["type"] for each in chat.said] == ["stop", "retry"]


async def test_files_are_kept_or_put_back_one_by_one_or_all_at_once(page: Page, chat: PaperChat) -> None:
    a_day_of_work(chat)
    finish(chat)
    changes = page.get_by_role("region", name="What changed")
    await changes.get_by_role("button", name="service.py +3 −2").click()
    await _said(chat, {"type": "diff", "turn": 1, "path": "/app/service.py"})
    chat.tell("diff", turn=1, path="/app/service.py", diff="@@ -1 +1 @@\n-PORT = 80\n+PORT = 8000")
    await expect(changes.get_by_role("region", name="What changes in service.py")).to_contain_text("PORT = 8000")
    await changes.get_by_role("button", name="Keep service.py").click()
    await expect(changes.locator("[data-path='/app/service.py']")).to_contain_text("kept")
    await changes.get_by_role("button", name="Put README.md back").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Put back").click()
    one = {"type": "undo", "turn": 1, "what": "files", "paths": ["/app/README.md"]}
    await _said(chat, one)
    chat.tell("error", code="conflict", message="Files were changed since: /app/README.md.")
    await page.get_by_role("button", name="Put back all the same").click()
    await _said(chat, {**one, "force": True})
    chat.happen("undone", what="files", paths=["/app/README.md"])
    await expect(changes.locator("[data-path='/app/README.md']")).to_contain_text("put back")
    await changes.get_by_role("button", name="Undo disk").click()
    await expect(page.get_by_role("alertdialog")).to_contain_text("what runs ends")
    await page.get_by_role("alertdialog").get_by_role("button", name="Put back").click()
    await _said(chat, {"type": "undo", "turn": 1, "what": "disk"})
    chat.happen("undone", what="disk")
    chat.turn("undone")
    await expect(changes).to_contain_text("The disk is as it was before this turn.")
    await page.reload()
    await expect(changes.locator("[data-path='/app/service.py']")).to_contain_text("put back")


async def test_a_reload_and_a_lost_connection_show_the_same(page: Page, chat: PaperChat) -> None:
    a_day_of_work(chat)
    finish(chat)
    await expect(_log(page)).to_contain_text("9.1k tokens")
    before = await _log(page).inner_text()
    await chat.cut()
    await expect(page.get_by_role("button", name="Undo disk")).to_be_visible()
    chat.ask("And now?", 2)
    chat.turn("done", 2)
    await expect(_log(page)).to_contain_text("And now?")
    chat.events.pop()
    await page.reload()
    await expect(_log(page)).to_contain_text("9.1k tokens")
    assert await _log(page).inner_text() == before


async def test_a_refusal_gives_the_question_back(page: Page, chat: PaperChat) -> None:
    await page.keyboard.type("Once more")
    await page.keyboard.press("Enter")
    await expect(_log(page)).to_contain_text("Once more")
    chat.tell("error", code="asked_enough", message="You may ask 5 times a day, and have.")
    await expect(page.get_by_role("alert")).to_contain_text("You may ask 5 times a day")
    await expect(page.get_by_role("textbox", name="Ask the assistant")).to_have_value("Once more")


async def test_an_empty_chat_gives_ideas_and_modes_are_chosen(page: Page, chat: PaperChat) -> None:
    await page.get_by_role("button", name="What is in /app, and how do I start it?").click()
    await expect(page.get_by_role("textbox", name="Ask the assistant")).to_have_value(re.compile("^What is in"))
    await page.get_by_role("combobox", name="What it may do by itself").select_option("full")
    await _said(chat, {"type": "mode", "mode": "full"})
    await page.keyboard.press("Control+i")
    await expect(page.get_by_role("complementary", name="Assistant")).to_have_count(0)


async def test_without_a_provider_it_says_so(paper_chat_page: PaperPage, chat: PaperChat) -> None:
    chat.is_set_up = False
    page = await paper_chat_page()
    await expect(page.get_by_role("heading", name="No provider is set up")).to_be_visible()
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(paper_chat_page: PaperPage, chat: PaperChat, scheme: str) -> None:
    page = await paper_chat_page(color_scheme=scheme)
    await assert_accessible(page, f"empty chat, {scheme}")
    a_day_of_work(chat)
    await expect(page.get_by_role("button", name="Allow")).to_be_visible()
    await page.get_by_role("button", name=re.compile("Run `pytest -q`")).click()
    await assert_accessible(page, f"approval, {scheme}")
    finish(chat)
    await expect(page.get_by_role("button", name="Undo disk")).to_be_visible()
    await assert_accessible(page, f"changes, {scheme}")
    await page.goto(f"{page.url}/ai")
    await expect(page.get_by_role("button", name="Undo disk")).to_be_visible()
    await assert_accessible(page, f"page, {scheme}")


async def test_on_a_phone_it_takes_the_place_of_the_workspace(paper_chat_page: PaperPage, chat: PaperChat) -> None:
    page = await paper_chat_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    a_day_of_work(chat)
    finish(chat)
    await expect(page.get_by_role("button", name="Undo disk")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    await page.get_by_role("button", name="Close the assistant").tap()
    await expect(page.get_by_role("group", name="What to show")).to_be_visible()


async def test_five_hundred_messages_and_a_fast_stream_come_whole(page: Page, chat: PaperChat) -> None:
    chat.remember(250)
    await page.reload()
    await expect(_log(page)).to_contain_text("Question 250")
    await expect(_log(page).locator(".pq-asked")).to_have_count(250)
    chat.ask("Go on", 251)
    chat.tell("start_text")
    words = [f"word{number}" for number in range(300)]  # three seconds' worth, all at once
    for word in words:
        chat.tell("text", content=f"{word} ")
    await expect(_log(page)).to_contain_text(" ".join(words))
