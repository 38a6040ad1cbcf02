"""The API about nodes and what is done on them, as an administrator's program uses it."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from backend.db import transaction
from backend.models import DesiredState, Status
from backend.services import keys
from tests.conftest import in_use
from tests.factories import a_container, a_node
from tests.people import a_user, visitor


@pytest.fixture
async def admin(fresh_sqlite: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with in_use(fresh_sqlite):
        ada = await a_user("ada", is_superuser=True)
        async with transaction() as tx:
            node = await a_node(tx)
            for _ in range(3):
                await a_container(tx, ada, node)
            await a_container(tx, ada, node, desired=DesiredState.STOPPED, status=Status.RUNNING, name="late")
            _, key = await keys.create_key(tx, ada, name="k", scope="admin")
        async with visitor(api_key=key, origin=None) as client:
            yield client


async def test_a_uri_is_tried_before_there_is_a_node_for_it(admin: httpx.AsyncClient) -> None:
    found = await admin.post("/api/nodes/check/", json={"uri": "memory://tower"})
    assert (found.status_code, found.json()["trouble"]) == (200, "")
    assert (found.json()["cpus"], found.json()["mem_mb"]) > (0, 0)
    refused = await admin.post("/api/nodes/check/", json={"uri": "qemu+tls://127.0.0.1:1/system"})
    assert (refused.status_code, bool(refused.json()["trouble"])) == (200, True)
    wrong = await admin.post("/api/nodes/check/", json={"uri": "https://example.com"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "invalid_request")
    assert len((await admin.get("/api/nodes/")).json()["items"]) == 1


async def test_what_the_reconciler_is_about_comes_in_pages(admin: httpx.AsyncClient) -> None:
    found, address = [], "/api/reconciler/?limit=3"
    while address:
        page = await admin.get(address)
        found += [each["container_id"] for each in page.json()["items"]]
        address = page.links["next"]["url"] if "next" in page.links else ""
    assert len(found) == len(set(found)) == 4
    late = (await admin.get("/api/reconciler/?unsettled=true")).json()["items"]
    assert [(each["name"], each["desired"], each["observed"]) for each in late] == [("late", "stopped", "running")]
    assert (await admin.get("/api/reconciler/?search=nothing-of-the-kind")).json()["items"] == []


async def test_the_overview_counts_what_is_there(admin: httpx.AsyncClient) -> None:
    said = (await admin.get("/api/overview/")).json()
    assert (said["states"], len(said["nodes"]), len(said["hours"]), said["troubles"]) == ({"running": 4}, 1, 24, [])
