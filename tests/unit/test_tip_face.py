"""The tip's page as the server draws it: what stands is in it before any script runs."""

import json
import re
from html import unescape
from pathlib import Path

import httpx
import pytest
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from backend import db
from backend.db import transaction
from backend.models import TipDecision
from pequeroku_ui.edge import at_the_edge
from tests.conftest import in_use
from tests.people import a_user, signed_in
from tests.tenants import signed_in as sid_for
from tests.tips import Knowledge, a_tip, an_idle_machine, knowledge

__all__ = ["knowledge"]

_BUILT = '<!DOCTYPE html><html><body><main id="tip" class="oo"></main></body></html>'


async def _inner(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["path"] == "/tip/"
    assert not {name for name, _ in scope["headers"]} & {b"if-none-match", b"accept-encoding"}
    await HTMLResponse(_BUILT, headers={"etag": "built"})(scope, receive, send)


async def _get(sid: str, path: str = "/tip") -> httpx.Response:
    transport = httpx.ASGITransport(at_the_edge(_inner))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as web:
        return await web.get(path, headers={"cookie": f"sid={sid}"} if sid else {})


def _said(page: str) -> object:
    return json.loads(re.search(r"window\.ooTip=(.*?)</script>", page)[1])


@pytest.mark.usefixtures("database")
async def test_the_page_comes_with_the_tip_that_stands(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    async with transaction() as tx:
        sid = await sid_for(tx, actor)
    tip = await a_tip(actor)
    for path in ("/tip", "/tip/"):
        answer = await _get(sid, path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert f'<h1 class="oo-sentence">{tip.sentence}</h1>' in unescape(answer.text)
        assert answer.text.count("<button") == 4
        assert _said(answer.text)["decision_id"] == tip.decision_id


@pytest.mark.usefixtures("database")
async def test_where_nothing_stands_there_is_the_time() -> None:
    await a_user("ana")
    _, sid = await signed_in("ana")
    page = (await _get(sid)).text
    assert "oo-clock" in page
    assert "<button" not in page
    assert _said(page) is None


async def test_a_stranger_is_led_to_the_log_in_page() -> None:
    answer = await _get("")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/tip")


@pytest.mark.usefixtures("database")
async def test_no_sentence_gets_out_of_its_place(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    async with transaction() as tx:
        sid = await sid_for(tx, actor)
    tip = await a_tip(actor)
    evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
    async with transaction() as tx:
        row = await tx.get_one(TipDecision, tip.decision_id)
        row.shown = {**row.shown, "sentence": evil, "action": {**row.shown["action"], "label": evil}}
    page = (await _get(sid)).text
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 1
    assert _said(page)["sentence"] == evil


async def test_with_the_database_gone_there_is_the_time(tmp_path: Path) -> None:
    async with in_use(f"sqlite:///{tmp_path}/none/none.sqlite3"):
        page = await _get("gone")
        await db.dispose()
    assert page.status_code == 200
    assert "oo-clock" in page.text
