"""How long a model's first token takes until a browser has it, and until it is drawn there."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.async_api import Page, async_playwright

from backend.ai.provider import Model
from tests.bench.boxes import boxes
from tests.bench.played import playing
from tests.bench.report import Figure, percentile, spread
from tests.e2e import people, served
from tests.e2e.chat_steps import ask, until_over
from tests.e2e.conftest import Person
from tests.e2e.steps import arrive
from tests.model_server import ModelServer, Reply, model_server
from tests.served_machine import set_up

_QUESTIONS = 20
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


async def first_tokens() -> list[Figure]:
    """One question after another, in one page. Provider, server and browser share this machine and its clock."""
    served.build()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with playing(home) as found, model_server() as model, async_playwright() as playwright:
            with served.serve(home, served.memory_node(home) | found, app="tests.bench.played:app", users=1) as server:
                await set_up(server, Model(model.url, "sk-none", "metronome"), people.name_of(0))
                _, made = await boxes(server, 0, 1)
                browser = await playwright.chromium.launch(executable_path=served.CHROMIUM, args=served.FLAGS)
                page = await (await browser.new_context(base_url=server.url)).new_page()
                await arrive(page, Person(people.name_of(0)))
                await page.add_init_script(_WATCH)
                await page.goto(f"/containers/{made[0]}/ai")
                taken = [await _asked(page, model, number + 1) for number in range(_QUESTIONS + 1)][
                    1:
                ]  # the first loads the library
                await browser.close()
    names = ("the browser has it", "it is drawn")
    return [
        Figure(
            f"the model's first token → {name}, p95", percentile(each, 0.95), "ms", _QUESTIONS, bar, detail=spread(each)
        )
        for name, each, bar in zip(
            names, ([came for came, _ in taken], [drawn for _, drawn in taken]), (30, None), strict=True
        )
    ]


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
