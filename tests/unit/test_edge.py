"""What is answered before any page is drawn."""

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from backend import settings
from pequeroku_ui.edge import at_the_edge


async def _inner(scope: Scope, receive: Receive, send: Send) -> None:
    """Says which path it was asked for."""
    await PlainTextResponse(scope["path"])(scope, receive, send)


async def _get(path: str) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(at_the_edge(_inner)), base_url="http://localhost"
    ) as web:
        return await web.get(path)


@pytest.mark.parametrize("path", ["/admin/login", "/admin/login/"])
async def test_the_tokens_page_is_there_only_with_a_token(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await _get(path)).text == "/nowhere/"
    monkeypatch.setenv("ADMIN_TOKEN", "a token")
    settings.settings.cache_clear()
    assert (await _get(path)).text == "/admin/login/"
    monkeypatch.undo()
    settings.settings.cache_clear()


@pytest.mark.parametrize("path", ["/account", "/account/keys", "/account/new-password", "/account/data"])
async def test_a_strangers_way_to_the_account_leads_over_the_log_in_page(path: str) -> None:
    answer = await _get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("path", ["/signup", "/login/code", "/join/abc"])
async def test_whoever_is_not_signed_in_gets_to_the_ways_in(path: str) -> None:
    assert (await _get(path)).status_code == 200
