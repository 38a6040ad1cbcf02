"""What who watches over us is told: alive, ready, and figures for Prometheus."""

import json
import logging
import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from backend import schema_version, settings
from backend.api.app import make_api
from backend.db import transaction
from backend.logs import CountsErrors
from backend.migrations import config
from backend.models import NodeLease, Status
from backend.models.base import now
from backend.rules.scraping import may_scrape
from tests.asgi import Socket
from tests.factories import a_container, a_world

_DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_HERE = {"host": "127.0.0.1:8000"}
_SET_VERSION = text("UPDATE alembic_version SET version_num = :head")


@pytest.fixture
async def client(database: str) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=make_api(), client=("127.0.0.1", 5))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


async def _parts(client: httpx.AsyncClient, status: int) -> dict[str, Any]:
    answer = await client.get("/ready")
    assert answer.status_code == status, answer.text
    return {name: part["says"] for name, part in answer.json()["parts"].items() if not part["ok"]}


async def test_alive_asks_nothing_of_anybody(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {"status": "ok"}


async def test_ready_says_which_part_is_not(client: httpx.AsyncClient) -> None:
    assert await _parts(client, 200) == {}
    _, node = await a_world()
    assert (await _parts(client, 503)).keys() == {"tasks"}
    async with transaction() as tx:
        tx.add(NodeLease(node_id=node.id, holder="somebody", fence=1, expires_at=now() + timedelta(minutes=1)))
    assert await _parts(client, 200) == {}
    async with transaction() as tx:
        (await tx.get_one(type(node), node.id)).healthy = False
    assert await _parts(client, 503) == {"nodes": "None of them answers."}


async def test_an_old_schema_and_a_redis_that_is_gone_are_said_without_a_secret(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret-word@127.0.0.1:1/0")
    settings.settings.cache_clear()
    async with transaction() as tx:
        await (await tx.connection()).execute(text("UPDATE alembic_version SET version_num = 'old'"))
    try:
        answer = await client.get("/ready")
    finally:
        async with transaction() as tx:
            await (await tx.connection()).execute(_SET_VERSION, {"head": schema_version.needed()})
        settings.settings.cache_clear()
    told = {name for name, part in answer.json()["parts"].items() if not part["ok"]}
    assert (answer.status_code, told) == (503, {"migrations", "events"})
    assert "secret-word" not in answer.text


def test_the_schema_that_is_needed_is_the_one_that_migrations_end_with() -> None:
    assert schema_version.needed() == ScriptDirectory.from_config(config()).get_current_head()


async def _families(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/metrics", headers=_HERE)
    assert answer.status_code == 200
    return {each.name: each for each in text_string_to_metric_families(answer.text)}


async def test_containers_nodes_requests_and_sockets_are_counted(client: httpx.AsyncClient) -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        for status in (Status.RUNNING, Status.RUNNING, Status.ERROR):
            await a_container(tx, actor, node, status=status)
    await client.get("/api/health")
    await client.get("/api/containers/1/terminals/")
    families = await _families(client)
    by_status = {each.labels["status"]: each.value for each in families["pequeroku_containers"].samples}
    assert (by_status["running"], by_status["error"], by_status["stopped"]) == (2, 1, 0)
    (memory,) = families["pequeroku_node_memory_capacity_bytes"].samples
    assert (memory.labels["node"], memory.value) == (node.name, 16_384 * 2**20)
    seen = {(each.labels["route"], each.labels["status"]) for each in families["pequeroku_http_requests"].samples}
    assert {("/api/health", "200"), ("/api/containers/{container_id}/terminals/", "401")} <= seen


async def test_a_socket_is_counted_while_it_is_open(client: httpx.AsyncClient) -> None:
    socket = Socket(make_api(), "/ws/terminals/1/t1", sid="nobody's")
    assert await socket.closed() == 4401
    counts = (await _families(client))["pequeroku_websocket_connections"].samples
    (count,) = [each for each in counts if each.labels["route"].startswith("/ws/terminals/")]
    assert count.value == 0
    assert "container_id" in count.labels["route"]


async def test_what_is_logged_as_an_error_is_counted(client: httpx.AsyncClient) -> None:
    log, counting = logging.getLogger("backend.tests_of_logs"), CountsErrors(logging.ERROR)
    log.addHandler(counting)
    try:
        log.warning("not this")
        log.error("but this")
    finally:
        log.removeHandler(counting)
    samples = (await _families(client))["pequeroku_errors"].samples
    assert [each.value for each in samples if each.labels["logger"] == log.name and each.name.endswith("_total")]


async def test_every_metric_of_the_dashboard_and_of_the_alarms_is_exported(client: httpx.AsyncClient) -> None:
    families = await _families(client)
    exported = {name + end for name in families for end in ("", "_total", "_bucket", "_sum", "_count")}
    dashboard = json.loads((_DEPLOY / "grafana" / "pequeroku.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    asked.append((_DEPLOY / "grafana" / "alerts.yaml").read_text())
    named = {name for each in asked for name in re.findall(r"(?:pequeroku|process)_[a-z_]+", each)}
    assert len(named) > 10
    assert not named - exported


async def test_figures_are_for_who_has_the_token(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "a token")
    settings.settings.cache_clear()
    assert (await client.get("/metrics", headers=_HERE)).status_code == 404
    assert (await client.get("/metrics", headers={"authorization": "Bearer a token"})).status_code == 200
    monkeypatch.delenv("METRICS_TOKEN")
    settings.settings.cache_clear()


@pytest.mark.parametrize(
    ("headers", "peer", "behind_proxy", "may"),
    [
        ({}, "127.0.0.1", False, True),
        ({"host": "[::1]:8000"}, "::1", False, True),
        ({}, "192.0.2.7", False, False),
        ({}, "", False, False),
        ({}, "127.0.0.1", True, False),
        ({"host": "pequeroku.example"}, "127.0.0.1", False, False),
        ({"x-forwarded-for": "192.0.2.7"}, "127.0.0.1", False, False),
    ],
)
def test_without_a_token_only_this_machine_itself_may(
    headers: dict[str, str], peer: str, behind_proxy: bool, may: bool
) -> None:
    assert may_scrape("", headers={"host": "localhost:8000"} | headers, peer=peer, behind_proxy=behind_proxy) is may


@given(st.text(min_size=1), st.text())
def test_no_other_word_passes_for_the_token(token: str, said: str) -> None:
    headers = {"authorization": f"Bearer {said}"}
    try:
        (token + said).encode()
    except UnicodeEncodeError:
        return
    assert may_scrape(token, headers=headers, peer="127.0.0.1", behind_proxy=False) is (token == said)
