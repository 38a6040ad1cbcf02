"""The form of the API: errors, pages of lists, repeats, rates, ETags, and its description."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from backend import settings
from backend.api import limits, problems, routing
from backend.api.app import make_api
from backend.api.deps import Caller, Paged
from backend.api.routing import does, router
from backend.db import reading, transaction
from backend.errors import PequerokuError
from backend.models import Repeat
from backend.rules import rates
from backend.rules.policy import Action, Actor
from backend.services import keys
from tests.asgi import ORIGIN
from tests.conftest import in_use
from tests.people import a_user, visitor


def _every(kind: type[PequerokuError]) -> Iterator[type[PequerokuError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _every(each)


@pytest.fixture
async def one_database(fresh_sqlite: str) -> AsyncGenerator[None]:
    async with in_use(fresh_sqlite):
        yield


async def a_key(actor: Actor, scope: str = "admin") -> str:
    async with transaction() as tx:
        return (await keys.create_key(tx, actor, name="test", scope=scope))[1]


@pytest.mark.parametrize("fault", list(_every(PequerokuError)), ids=lambda each: each.__name__)
def test_every_error_has_a_code_of_the_api(fault: type[PequerokuError]) -> None:
    made = fault.__new__(fault)
    made.message = "A sentence."
    assert problems.code_of(made) is not problems.Code.INTERNAL_ERROR


async def test_what_is_not_there_and_what_is_not_taken_say_so_in_the_same_form(one_database: None) -> None:
    async with visitor(origin=None) as nobody:
        missing = await nobody.get("/api/nothing/of/the/kind")
        wrong = await nobody.delete("/api/audit/export/")
        short = await nobody.get("/api/audit/export?format=csv")
        refused = await nobody.get("/api/audit/export/")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["error"]["code"], wrong.headers["allow"]) == (
        405,
        "method_not_allowed",
        "GET",
    )
    assert (short.status_code, short.headers["location"]) == (307, "/api/audit/export/?format=csv")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_a_key_that_reaches_less_far_is_told_what_it_needs(one_database: None) -> None:
    ada = await a_user("ada", is_superuser=True)
    async with visitor(api_key=await a_key(ada, "read"), origin=None) as program:
        answer = await program.get("/api/audit/export/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden_scope")
    assert "“admin”" in answer.json()["error"]["message"]


things = router("/api/things", "things")
"""Routes as they are made everywhere, to see what is done for each of them."""
_done: list[str] = []


@things.get("/", **does(Action.CONTAINER_LIST))
async def list_things(actor: Caller, paging: Paged) -> dict[str, Any]:
    return paging.cut(list(range(7)))


@things.post("/", status_code=201, **does(Action.CONTAINER_CREATE))
async def make_thing(actor: Caller, said: dict[str, str]) -> dict[str, int]:
    await asyncio.sleep(0)
    if "wrong" in said:
        raise problems.Conflict("It is wrong.")
    if "bug" in said:
        raise ZeroDivisionError
    _done.append(said["name"])
    return {"number": len(_done)}


def a_client(api_key: str) -> httpx.AsyncClient:
    api = make_api()
    elsewhere = api.router.routes.pop()
    api.include_router(things)
    api.router.routes.append(elsewhere)
    transport = httpx.ASGITransport(api, client=("203.0.113.7", 1))
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Authorization": f"Bearer {api_key}"})


async def test_a_list_comes_in_pages_that_lead_to_each_other(one_database: None) -> None:
    async with a_client(await a_key(await a_user("ana"))) as program:
        found, address = [], "/api/things/?limit=3"
        while address:
            answer = await program.get(address)
            found.append(answer.json()["items"])
            address = answer.links["next"]["url"] if "next" in answer.links else ""
        assert found == [[0, 1, 2], [3, 4, 5], [6]]
        assert answer.json()["next_cursor"] is None
        for wrong in ("cursor=x", "cursor=YWZ0ZXIgLTE=", "limit=0", "limit=201", "limit=x", "cursor=%00"):
            answer = await program.get(f"/api/things/?{wrong}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


async def test_who_has_an_answer_is_not_sent_it_again(one_database: None) -> None:
    async with a_client(await a_key(await a_user("ana"))) as program:
        etag = (await program.get("/api/things/")).headers["etag"]
        for said in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            answer = await program.get("/api/things/", headers={"If-None-Match": said})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
        assert (await program.get("/api/things/", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_who_says_what_they_have_read_overwrites_no_change_of_others(one_database: None) -> None:
    async with visitor(api_key=await a_key(await a_user("ana")), origin=None) as program:
        made = await program.post("/api/templates/", json={"name": "Mine"})
        address, read = f"/api/templates/{made.json()['slug']}/", made.headers["etag"]
        changed = await program.patch(address, json={"name": "Ours"}, headers={"If-Match": read})
        assert (changed.status_code, changed.json()["name"]) == (200, "Ours")
        assert changed.headers["etag"] == (await program.get(address)).headers["etag"] != read
        for said, status, code in ((read, 409, "conflict"), ('"v0"', 409, "conflict"), ("v1", 422, "invalid_request")):
            late = await program.patch(address, json={"name": "Lost"}, headers={"If-Match": said})
            assert (late.status_code, late.json()["error"]["code"]) == (status, code)
        assert (await program.patch(address, json={"name": "Last"}, headers={"If-Match": "*"})).status_code == 200


async def test_a_post_that_names_itself_is_done_once(database: str) -> None:
    _done.clear()
    ana, bob = await a_user("ana"), await a_user("bob")
    once = {"Idempotency-Key": "one"}
    async with a_client(await a_key(ana)) as program, a_client(await a_key(bob)) as other:
        first = await program.post("/api/things/", json={"name": "x"}, headers=once)
        again = await program.post("/api/things/", json={"name": "x"}, headers=once)
        assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, {"number": 1})
        assert again.headers["idempotent-replayed"] == "true"
        differs = await program.post("/api/things/", json={"name": "y"}, headers=once)
        assert (differs.status_code, differs.json()["error"]["code"]) == (409, "conflict")
        assert (await other.post("/api/things/", json={"name": "z"}, headers=once)).json() == {"number": 2}
        wrong = await program.post("/api/things/", json={"name": "x"}, headers={"Idempotency-Key": "x" * 201})
        assert wrong.status_code == 422
    assert _done == ["x", "z"]


async def test_of_many_at_once_one_is_done_and_what_was_refused_may_be_tried_again(database: str) -> None:
    _done.clear()
    async with a_client(await a_key(await a_user("ana"))) as program:

        async def ask(said: dict[str, str], key: str) -> httpx.Response:
            return await program.post("/api/things/", json=said, headers={"Idempotency-Key": key})

        answers = await asyncio.gather(*(ask({"name": "x"}, "many") for _ in range(8)))
        assert _done == ["x"]
        assert {each.status_code for each in answers} <= {201, 409}
        for said, status in (({"wrong": ""}, 409), ({"bug": ""}, 500)):
            assert (await ask(said, "again")).status_code == status
            assert not await _kept("again")
        assert (await ask({"name": "y"}, "again")).status_code == 201


async def _kept(key: str) -> list[Repeat]:
    async with reading() as tx:
        return list((await tx.exec(select(Repeat).where(Repeat.key == key))).all())


async def test_a_bug_is_told_by_a_number_that_stands_in_the_log(
    one_database: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_client(await a_key(await a_user("ana"))) as program:
        answer = await program.post("/api/things/", json={"bug": ""})
    said = answer.json()["error"]
    assert (answer.status_code, said["code"]) == (500, "internal_error")
    assert said["message"].split()[-1].rstrip(".") in caplog.text


async def test_who_asks_too_often_is_told_when_to_come_back(
    one_database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_RATE", "3")
    settings.settings.cache_clear()
    async with a_client(await a_key(await a_user("ana"))) as program:
        answers = [await program.get("/api/things/") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each.headers["ratelimit-remaining"] for each in answers] == ["2", "1", "0", "0"]
    assert answers[-1].json()["error"]["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 20


async def test_strangers_are_counted_by_their_address(one_database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_RATE_STRANGERS", "2")
    monkeypatch.setattr(limits, "_strangers", limits.Gauge())
    settings.settings.cache_clear()
    key = await a_key(await a_user("ana"))
    async with a_client("pk_wrong_key") as stranger, a_client(key) as neighbour:
        assert [(await stranger.get("/api/things/")).status_code for _ in range(3)] == [401, 401, 429]
        assert (await neighbour.get("/api/things/")).status_code == 429


@given(st.lists(st.floats(0, 90), max_size=60), st.integers(1, 10))
def test_in_no_period_pass_more_than_twice_the_limit_and_who_waits_as_told_passes(
    pauses: list[float], limit: int
) -> None:
    debt, at, passed = 0.0, 1000.0, list[float]()
    for pause in pauses:
        at += pause
        debt, standing = rates.take(debt, limit=limit, period_s=60, at_s=at)
        if not standing.retry_s:
            passed.append(at)
            assert 0 <= standing.remaining < limit
            continue
        assert not rates.take(debt, limit=limit, period_s=60, at_s=at + standing.retry_s)[1].retry_s
    for begin in passed:
        assert len([each for each in passed if begin <= each < begin + 60]) <= 2 * limit


def test_the_description_says_of_every_route_what_it_is_called_and_what_a_key_needs() -> None:
    said = make_api().openapi()
    operations = [each for path in said["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in operations]
    assert said["openapi"] == "3.1.0"
    assert len(set(names)) == len(names)
    for each in operations:
        assert each["tags"], each["operationId"]
        assert routing.SCOPE in each, f"{each['operationId']}: say **does(…)"
        assert "Scope:" in each["description"]
        assert {"401", "422", "429", "500"} <= each["responses"].keys()


async def test_the_description_and_its_pages_load_nothing_from_elsewhere(one_database: None) -> None:
    async with visitor(origin=None) as browser:
        assert (await browser.get("/api/schema/")).json()["openapi"] == "3.1.0"
        for page in ("swagger-ui", "redoc"):
            answer = await browser.get(f"/api/schema/{page}/")
            assert "script-src 'self';" in answer.headers["content-security-policy"]
            files = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
            assert all(each.startswith("/") for each in files)
            for each in files[1:]:
                assert (await browser.get(each)).status_code == 200
        assert (await browser.get("/api/schema/files/../app.py")).status_code == 404
