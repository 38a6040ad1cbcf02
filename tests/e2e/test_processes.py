"""The list of what goes on in the background, over processes on paper: what it says when one of them is gone."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.conftest import PaperPage

pytestmark = pytest.mark.browser
_GONE = {"error": {"code": "not_found", "message": "That process does not exist, or is not yours to see."}}
_BUSY = {"error": {"code": "conflict", "message": "It runs."}}


@dataclass
class _Paper:
    """Processes by id, and what each says. What is `kept` can't be stopped."""

    logs: dict[str, str] = field(default_factory=dict[str, str])
    kept: set[str] = field(default_factory=set[str])
    is_silent: bool = False
    """The machine does not answer."""

    async def answer(self, route: Route) -> None:
        name = re.sub(r".*/processes/([^/]*).*", r"\1", route.request.url)
        if self.is_silent:
            await route.fulfill(status=503, json={"error": {"code": "node_unavailable", "message": "No answer."}})
        elif not name:
            await route.fulfill(json={"items": [_shown(each) for each in self.logs], "next_cursor": None})
        elif name not in self.logs:
            await route.fulfill(status=404, json=_GONE)
        elif route.request.method != "DELETE":
            await route.fulfill(json={"data": self.logs[name]})
        elif name in self.kept:
            await route.fulfill(status=409, json=_BUSY)
        else:
            del self.logs[name]
            await route.fulfill(status=204)


def _shown(name: str) -> dict[str, Any]:
    return {"process_id": name, "command": f"run {name}", "state": "running", "exit_code": None}


async def _listed(paper_page: PaperPage, paper: _Paper) -> Page:
    page = await paper_page()
    await page.route(re.compile("/api/containers/[0-9]+/processes/"), paper.answer)
    await page.get_by_role("button", name=re.compile("^Preview")).click()
    return page


async def test_one_that_is_gone_takes_no_other_with_it(paper_page: PaperPage) -> None:
    processes = _Paper({"one": "first words", "two": "second words"})
    page = await _listed(paper_page, processes)
    one, two = page.locator("[data-process=one]"), page.locator("[data-process=two]")
    problem = page.get_by_role("region", name="In the background").get_by_role("status")
    await two.get_by_role("button", name="Log").click()
    await expect(two.locator("pre")).to_have_text("second words")
    del processes.logs["one"]
    await one.get_by_role("button", name="Log").click()
    await expect(problem).to_have_text(_GONE["error"]["message"])
    await expect(one).to_have_count(0)
    await expect(two.locator("pre")).to_have_text("second words")
    await page.get_by_role("button", name="Look again").click()
    await expect(problem).to_have_count(0)


async def test_a_refusal_is_read_beside_the_list(paper_page: PaperPage) -> None:
    processes = _Paper({"one": ""}, kept={"one"})
    page = await _listed(paper_page, processes)
    one = page.locator("[data-process=one]")
    problem = page.get_by_role("region", name="In the background").get_by_role("status")
    await one.get_by_role("button", name="Stop").click()
    await expect(problem).to_have_text("It runs.")
    processes.is_silent = True
    await page.get_by_role("button", name="Look again").click()
    await expect(problem).to_have_text("No answer.")
    await expect(one).to_be_visible()
    processes.is_silent, processes.kept = False, set()
    await one.get_by_role("button", name="Stop").click()
    await expect(one).to_have_count(0)
    await expect(problem).to_have_count(0)
