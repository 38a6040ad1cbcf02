"""The API about accounts, teams and what people are told, as a program uses it; who may is in test_matrix_api.py."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx
import pytest

from backend.db import transaction
from backend.errors import BadCredentials
from backend.rules.notices import Notice
from backend.rules.policy import Actor
from backend.services import keys, teams
from backend.services.inbox import tell
from tests.conftest import in_use
from tests.people import PASSWORD, a_user, signed_in, visitor


@dataclass
class Programs:
    """One of ana's, and one of the administrator ada's."""

    ana: Actor
    bob: Actor
    hers: httpx.AsyncClient
    admin: httpx.AsyncClient


@pytest.fixture
async def programs(fresh_sqlite: str) -> AsyncGenerator[Programs]:
    async with in_use(fresh_sqlite):
        ana, bob, ada = await a_user("ana"), await a_user("bob"), await a_user("ada", is_superuser=True)
        async with transaction() as tx:
            made = [(await keys.create_key(tx, each, name="k", scope="admin"))[1] for each in (ana, ada)]
        async with visitor(api_key=made[0], origin=None) as hers, visitor(api_key=made[1], origin=None) as admin:
            yield Programs(ana, bob, hers, admin)


async def test_an_administrator_makes_changes_and_removes_users(programs: Programs) -> None:
    ask = programs.admin
    made = await ask.post("/api/users/", json={"username": "carla", "password": PASSWORD, "email": "c@example.com"})
    assert (made.status_code, made.json()["email"], "password_hash" in made.text) == (201, "c@example.com", False)
    carla = f"/api/users/{made.json()['id']}/"
    again = await ask.post("/api/users/", json={"username": "Carla", "password": PASSWORD})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    changed = await ask.patch(carla, json={"display_name": "Carla C."})
    assert changed.json() == made.json() | {"display_name": "Carla C."} == (await ask.get(carla)).json()
    assert [each["username"] for each in (await ask.get("/api/users/?search=carla")).json()["items"]] == ["carla"]
    assert (await ask.post(f"{carla}disable/")).json()["is_active"] is False
    with pytest.raises(BadCredentials):
        await signed_in("carla")
    assert (await ask.post(f"{carla}enable/")).json()["is_active"] is True
    gone = await ask.delete(carla)
    assert (gone.status_code, gone.json()["delete_requested_at"] is None) == (202, False)
    assert (await ask.get("/api/users/987654/")).status_code == 404
    assert (await ask.get(f"/api/users/{2**40}/")).status_code == 404


async def test_a_password_that_is_reset_is_shown_once_and_has_to_be_changed(programs: Programs) -> None:
    bob = f"/api/users/{programs.bob.user_id}/"
    said = await programs.admin.post(f"{bob}reset_password/", json={})
    actor, _ = await signed_in("bob", said.json()["password"])
    assert actor.must_change_password
    chosen = await programs.admin.post(f"{bob}reset_password/", json={"password": "short"})
    assert (chosen.status_code, chosen.json()["error"]["code"]) == (422, "invalid_request")
    assert said.json()["password"] not in (await programs.admin.get(bob)).text


async def test_an_owner_hands_a_team_over_and_makes_it_inactive(programs: Programs) -> None:
    ana, bob, ask = programs.ana, programs.bob, programs.hers
    async with transaction() as tx:
        team = f"/api/teams/{(await teams.create_team(tx, ana, name='Ours')).id}/"
    await ask.post(f"{team}members/", json={"username": "bob"})
    for active in (False, True):
        assert (await ask.patch(team, json={"active": active})).json()["active"] is active
    early = await ask.patch(team, json={"owner_id": bob.user_id})
    assert early.status_code == 409, "bob's membership went with the team"
    await ask.patch(f"{team}members/{bob.user_id}/", json={"active": True})
    assert (await ask.patch(team, json={"owner_id": bob.user_id})).json()["owner"] == "bob"
    assert (await ask.patch(team, json={"active": False})).status_code == 403


async def test_grants_add_what_is_missing_in_one_quota_or_in_all(programs: Programs) -> None:
    ask = programs.admin
    before = (await ask.get("/api/quota/ana/")).json()["allowed_type_ids"]
    for each in ("ana", "bob"):
        await ask.patch(f"/api/quota/{each}/", json={"allowed_type_ids": before[1:]})
    assert (await ask.post("/api/quota/ana/grant/")).json() == {"granted": 1}
    assert (await ask.get("/api/quota/ana/")).json()["allowed_type_ids"] == before
    assert (await ask.post("/api/quota/grant/")).json() == {"granted": 1}
    assert (await ask.get("/api/quota/bob/")).json()["allowed_type_ids"] == before
    assert (await ask.post("/api/quota/nobody/grant/")).status_code == 404


async def test_an_inbox_is_read_in_pages_and_marked(programs: Programs) -> None:
    ask = programs.hers
    async with transaction() as tx:
        for number in range(3):
            await tell(tx, programs.ana.person_id, Notice.FAILED, f"Number {number}")
    first = await ask.get("/api/inbox/?limit=2")
    rest = await ask.get(first.links["next"]["url"])
    titles = [each["title"] for page in (first, rest) for each in page.json()["items"]]
    assert titles == ["Number 2", "Number 1", "Number 0"]
    newest = first.json()["items"][0]
    assert (await ask.post(f"/api/inbox/{newest['id']}/read/")).json() == newest | {"is_read": True}
    assert (await ask.get("/api/inbox/unread/")).json() == {"unread": 2}
    assert (await ask.post("/api/inbox/read_all/")).status_code == 204
    assert (await ask.get("/api/inbox/unread/")).json() == {"unread": 0}
    assert (await programs.admin.get("/api/inbox/")).json()["items"] == []


async def test_a_webhook_shows_its_secret_once_and_what_became_of_its_messages(programs: Programs) -> None:
    ask = programs.hers
    made = await ask.post("/api/webhooks/", json={"url": "https://example.com/hook", "kinds": ["container.failed"]})
    secret, hook = made.json()["secret"], f"/api/webhooks/{made.json()['webhook']['id']}/"
    listed = await ask.get("/api/webhooks/")
    assert (made.status_code, listed.json()["items"]) == (201, [made.json()["webhook"]])
    assert secret not in listed.text
    assert (await ask.post(f"{hook}rotate_secret/")).json()["secret"] not in (secret, "")
    assert (await ask.post(f"{hook}test/")).status_code == 204
    deliveries = (await ask.get(f"{hook}deliveries/")).json()["items"]
    assert [(each["kind"], each["state"]) for each in deliveries] == [("webhook.test", "waiting")]
    assert (await ask.post(f"/api/webhooks/deliveries/{deliveries[0]['id']}/resend/")).status_code == 204
    assert (await ask.patch(hook, json={"active": False})).json()["active"] is False
    assert (await ask.post(f"{hook}test/")).status_code == 409
    for wrong in ({"url": "ftp://example.com"}, {"url": "https://example.com", "kinds": ["none"]}):
        assert (await ask.post("/api/webhooks/", json=wrong)).status_code == 422
    assert ((await ask.delete(hook)).status_code, (await ask.get(f"{hook}deliveries/")).status_code) == (204, 404)


async def test_a_webhook_sent_twice_under_one_name_is_made_once_with_one_secret(programs: Programs) -> None:
    said, once = {"url": "https://example.com/hook"}, {"Idempotency-Key": "hook"}
    first, again = [await programs.hers.post("/api/webhooks/", json=said, headers=once) for _ in range(2)]
    assert first.json() == again.json()
    assert len((await programs.hers.get("/api/webhooks/")).json()["items"]) == 1


async def test_sessions_are_seen_and_ended(programs: Programs) -> None:
    _, sid = await signed_in("ana")
    async with visitor(sid=sid) as browser:
        mine = (await browser.get("/api/sessions/")).json()["items"]
        assert [each["current"] for each in mine] == [True]
        seen = (await programs.hers.get("/api/sessions/")).json()["items"]
        assert [(each["id"], each["current"]) for each in seen] == [(mine[0]["id"], False)]
        assert (await programs.hers.delete(f"/api/sessions/{mine[0]['id']}/")).status_code == 204
        assert (await browser.get("/api/sessions/")).status_code == 401


async def test_who_holds_an_invitation_sees_what_it_is_to_before_they_take_it(programs: Programs) -> None:
    made = await programs.admin.post("/api/invitations/", json={"email": "d@example.com"})
    said = {"token": made.json()["link"].rpartition("/")[2]}
    seen = await programs.hers.post("/api/invitations/look/", json=said)
    assert (seen.status_code, seen.json()["email"]) == (200, "d@example.com")
    assert (await programs.hers.post("/api/invitations/look/", json={"token": "x"})).status_code == 409
