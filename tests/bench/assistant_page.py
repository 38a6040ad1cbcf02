"""How long a model's first token takes until a browser has drawn it, and how smooth a long conversation is."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from backend.ai.provider import Model
from tests.bench.boxes import boxes
from tests.bench.played import playing
from tests.bench.report import Figure, percentile, spread
from tests.e2e import people, served
from tests.e2e.chat_steps import ask, log, until_over
from tests.e2e.conftest import Person
from tests.e2e.paper_chat import PaperChat
from tests.e2e.steps import arrive
from tests.model_server import ModelServer, Reply, model_server
from tests.served_machine import set_up

_QUESTIONS = 20
_TURNS, _TOKENS, _WATCHED_S = 250, 300, 2
_FRAMES = """async (seconds) => {
    const times = [];
    let last = performance.now();
    await new Promise((resolve) => {
        const end = last + seconds * 1000;
        const tick = (now) => {
            times.push(now - last);
            last = now;
            if (now < end) requestAnimationFrame(tick); else resolve();
        };
        requestAnimationFrame(tick);
    });
    return times;
}"""
_WATCH = """
const clock = () => performance.timeOrigin + performance.now();
const seen = (window.seenTokens = {});
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...all) {
    super(...all);
    if (!this.url.includes("/ws/ai/")) return;
    this.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.event === "text") seen[frame.content.trim()] = { came: clock() };
    });
  }
};
new MutationObserver(() => {
  for (const [token, times] of Object.entries(seen))
    if (!times.drawn && document.body.innerText.includes(token)) times.drawn = clock();
}).observe(document, { childList: true, subtree: true, characterData: true });
"""
_DRAWN = "count => Object.values(window.seenTokens).filter(({ drawn }) => drawn).length === count"


async def in_a_browser() -> list[Figure]:
    """First tokens, one question after another, and a long conversation. All ends share this machine and its clock."""
    served.build()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with playing(home) as found, model_server() as model, async_playwright() as playwright:
            with served.serve(home, served.memory_node(home) | found, app="tests.bench.played:app", users=1) as server:
                await set_up(server, Model(model.url, "sk-none", "metronome"), people.name_of(0))
                _, made = await boxes(server, 0, 1)
                browser = await playwright.chromium.launch(executable_path=served.CHROMIUM, args=served.FLAGS)
                context = await browser.new_context(base_url=server.url)
                page, other = await context.new_page(), await context.new_page()
                await arrive(page, Person(people.name_of(0)))
                address = f"/containers/{made[0]}/ai"
                figures = [*await _first_tokens(page, model, address), await _frames(other, address)]
                await browser.close()
    return figures


async def _first_tokens(page: Page, model: ModelServer, address: str) -> list[Figure]:
    await page.bring_to_front()  # behind another one a page is drawn once a second
    await page.add_init_script(_WATCH)
    await page.goto(address)
    taken = [await _asked(page, model, number + 1) for number in range(_QUESTIONS + 1)]
    came, drawn = ([each[place] for each in taken[1:]] for place in (0, 1))  # the first question loads the library
    name = "the model's first token →"
    return [
        Figure(f"{name} the browser has it, p95", percentile(came, 0.95), "ms", _QUESTIONS, 30, detail=spread(came)),
        Figure(f"{name} it is drawn, p95", percentile(drawn, 0.95), "ms", _QUESTIONS, detail=spread(drawn)),
    ]


async def _frames(page: Page, address: str) -> Figure:
    """How long a frame takes while three seconds' worth of tokens come at once into a conversation of 500 messages."""
    chat = PaperChat()
    chat.remember(_TURNS)
    await chat.serve(page)
    await page.goto(address)
    await expect(log(page).locator(".pq-asked")).to_have_count(_TURNS)
    chat.ask("Go on", _TURNS + 1)
    chat.tell("start_text")
    for number in range(_TOKENS):
        chat.tell("text", content=f"word{number} ")
    taken_ms: list[float] = await page.evaluate(_FRAMES, _WATCHED_S)
    name = f"a frame with {2 * _TURNS} messages and {_TOKENS} tokens at once, p95"
    return Figure(name, percentile(taken_ms, 0.95), "ms", len(taken_ms), detail=spread(taken_ms))


async def _asked(page: Page, model: ModelServer, number: int) -> tuple[float, float]:
    """From the provider's sending until the frame came, and until it was drawn, in ms."""
    sent: list[str] = []

    def token() -> Iterator[str]:
        sent.append(f"{time.time() * 1000:.3f}")
        yield sent[0]

    model.will(Reply(text=token()))
    await ask(page, "Say when")
    await page.wait_for_function(_DRAWN, arg=number)
    await until_over(page)
    seen = await page.evaluate("token => window.seenTokens[token]", sent[0])
    return seen["came"] - float(sent[0]), seen["drawn"] - float(sent[0])
