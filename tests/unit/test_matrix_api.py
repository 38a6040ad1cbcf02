"""The cross-tenant matrix at the routes of the API: each of them, as everybody, answers what the table says.

What a route does stands in its description, by `**does(Action.…)`. A new route needs a line here, with what to send.
"""

from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from backend.api.app import make_api
from backend.api.routing import ACTION
from backend.api.v1 import schema as v1
from backend.db import reading, transaction
from backend.models import ApiKey, Invitation
from backend.models.base import now
from backend.rules.policy import Action, Actor, Role, Verdict, judge
from backend.services import keys
from tests.asgi import ORIGIN
from tests.conftest import in_use
from tests.people import a_user
from tests.tenants import NAMES, Thing, World, a_fresh_team, a_fresh_thing, a_world_of_tenants, leave_some_behind

_BOX = "/api/containers/{container_id}"
_V1 = "/api/v1/containers/{container_id}"
_RUN = {"command": "true"}
_SCHEDULE = {"starts": True, "time": "10:00"}
_PUT = {"container_id": "{container_id}"}
_TYPE = {"container_type_name": "new", "memory_mb": 1024, "vcpus": 1, "disk_gib": 5, "credits_cost": 1}
ROUTES: dict[tuple[str, str], dict[str, Any] | None] = {
    ("GET", "/api/containers/"): None,
    ("POST", "/api/containers/"): {"container_type": "small"},
    ("GET", f"{_BOX}/"): None,
    ("GET", f"{_BOX}/audit/"): None,
    ("POST", f"{_BOX}/power_on/"): None,
    ("POST", f"{_BOX}/power_off/"): None,
    ("POST", f"{_BOX}/restart_container/"): None,
    ("POST", f"{_BOX}/resize/"): {"container_type_id": 2},
    ("POST", f"{_BOX}/keep/"): None,
    ("GET", f"{_BOX}/share/"): None,
    ("POST", f"{_BOX}/share/"): {"username": "{stranger}"},
    ("DELETE", f"{_BOX}/share/{{share_id}}/"): None,
    ("POST", f"{_BOX}/leave_share/"): None,
    ("GET", f"{_BOX}/schedules/"): None,
    ("POST", f"{_BOX}/schedules/"): _SCHEDULE,
    ("PATCH", f"{_BOX}/schedules/{{schedule_id}}/"): {"enabled": False},
    ("DELETE", f"{_BOX}/schedules/{{schedule_id}}/"): None,
    ("POST", f"{_BOX}/exec_command/"): _RUN,
    ("GET", f"{_BOX}/processes/"): None,
    ("GET", f"{_BOX}/processes/{{process_id}}/"): None,
    ("GET", f"{_BOX}/processes/{{process_id}}/log/"): None,
    ("DELETE", f"{_BOX}/processes/{{process_id}}/"): None,
    ("GET", f"{_BOX}/ai_usage/"): None,
    ("GET", "/api/user/me/ai_usage/"): None,
    ("GET", "/api/ai_usage/"): None,
    ("GET", f"{_BOX}/conversations/"): None,
    ("PATCH", f"{_BOX}/conversations/{{conversation_id}}/"): {"title": "Another"},
    ("POST", f"{_BOX}/conversations/{{conversation_id}}/fork/"): {"seq": 1},
    ("GET", f"{_BOX}/conversations/{{conversation_id}}/export/"): None,
    ("DELETE", f"{_BOX}/conversations/{{conversation_id}}/"): None,
    ("GET", f"{_BOX}/turns/{{turn_id}}/changes/"): None,
    ("GET", f"{_BOX}/turns/{{turn_id}}/diff/"): None,
    ("POST", f"{_BOX}/turns/{{turn_id}}/undo/"): {"what": "disk"},
    ("GET", f"{_BOX}/checkpoints/"): None,
    ("POST", f"{_BOX}/checkpoints/"): None,
    ("POST", f"{_BOX}/checkpoints/{{checkpoint_id}}/restore/"): None,
    ("DELETE", f"{_BOX}/"): None,
    ("GET", "/api/container-types/"): None,
    ("GET", "/api/container-types/all/"): None,
    ("POST", "/api/container-types/"): _TYPE,
    ("PATCH", "/api/container-types/{type_id}/"): {"vcpus": 2},
    ("DELETE", "/api/container-types/{type_id}/"): None,
    ("GET", "/api/quota/"): None,
    ("GET", "/api/quota/{username}/"): None,
    ("PATCH", "/api/quota/{username}/"): {"credits": 5},
    ("POST", "/api/quota/grant/"): None,
    ("POST", "/api/quota/{username}/grant/"): None,
    ("GET", "/api/templates/"): None,
    ("POST", "/api/templates/"): {"name": "Mine"},
    ("GET", "/api/templates/{slug}/"): None,
    ("PATCH", "/api/templates/{slug}/"): {"name": "Another"},
    ("POST", "/api/templates/{slug}/preview/"): _PUT,
    ("POST", "/api/templates/{slug}/apply/"): _PUT,
    ("GET", "/api/user/me/"): None,
    ("PATCH", "/api/user/me/"): {"display_name": "Me"},
    ("GET", "/api/user/me/audit/"): None,
    ("GET", "/api/sessions/"): None,
    ("DELETE", "/api/sessions/{session_id}/"): None,
    ("GET", "/api/ssh-keys/"): None,
    ("GET", "/api/ssh-gateway/"): None,
    ("POST", "/api/ssh-keys/"): {"public_key": "none"},
    ("DELETE", "/api/ssh-keys/{ssh_key_id}/"): None,
    ("GET", "/api/inbox/"): None,
    ("GET", "/api/inbox/unread/"): None,
    ("POST", "/api/inbox/{notice_id}/read/"): None,
    ("POST", "/api/inbox/read_all/"): None,
    ("GET", "/api/webhooks/"): None,
    ("POST", "/api/webhooks/"): {"url": "http://192.0.2.1/"},
    ("PATCH", "/api/webhooks/{webhook_id}/"): {"active": True},
    ("POST", "/api/webhooks/{webhook_id}/rotate_secret/"): None,
    ("POST", "/api/webhooks/{webhook_id}/test/"): None,
    ("GET", "/api/webhooks/{webhook_id}/deliveries/"): None,
    ("POST", "/api/webhooks/deliveries/{delivery_id}/resend/"): None,
    ("DELETE", "/api/webhooks/{webhook_id}/"): None,
    ("POST", "/api/recommend"): None,
    ("GET", "/api/tips/current/"): None,
    ("POST", "/api/tips/{decision_id}/activation"): None,
    ("POST", "/api/tips/{decision_id}/reactions"): {"kind": "done"},
    ("POST", "/api/tips/{decision_id}/actions"): {"token": "none"},
    ("POST", "/api/tips/{decision_id}/actions/undo"): None,
    ("GET", "/api/tips/consents/"): None,
    ("POST", "/api/tips/consents/give/"): {"scope": "mood"},
    ("POST", "/api/tips/consents/withdraw/"): {"scope": "mood"},
    ("GET", "/api/tips/features/"): None,
    ("GET", "/api/tips/features/freshness/"): None,
    ("GET", "/api/tips/connections/"): None,
    ("POST", "/api/tips/connections/calendar/"): {"url": "http://192.0.2.1/"},
    ("DELETE", "/api/tips/connections/{connection_id}/"): None,
    ("PUT", "/api/tips/clock/"): {"time_zone": "UTC"},
    ("GET", "/api/tips/habits/"): None,
    ("POST", "/api/tips/habits/"): {"name": "read"},
    ("POST", "/api/tips/habits/{habit_id}/tick/"): {"done": True},
    ("POST", "/api/tips/habits/{habit_id}/archive/"): None,
    ("DELETE", "/api/tips/habits/{habit_id}/"): None,
    ("GET", "/api/tips/moods/"): None,
    ("POST", "/api/tips/moods/"): {"mood": 3},
    ("DELETE", "/api/tips/moods/"): None,
    ("GET", "/api/users/"): None,
    ("POST", "/api/users/"): {"username": "new", "password": "correct horse battery"},
    ("GET", "/api/users/{user_id}/"): None,
    ("PATCH", "/api/users/{user_id}/"): {"is_superuser": True},
    ("POST", "/api/users/{user_id}/disable/"): None,
    ("POST", "/api/users/{user_id}/enable/"): None,
    ("POST", "/api/users/{user_id}/reset_password/"): {},
    ("DELETE", "/api/users/{user_id}/"): None,
    ("GET", "/api/teams/"): None,
    ("POST", "/api/teams/"): {"name": "A team"},
    ("GET", "/api/teams/{team_id}/"): None,
    ("PATCH", "/api/teams/{team_id}/"): {"description": "Ours"},
    ("POST", "/api/teams/{team_id}/leave/"): None,
    ("POST", "/api/teams/{team_id}/members/"): {"username": "{removed}"},
    ("PATCH", "/api/teams/{team_id}/members/{user_id}/"): {"active": False},
    ("DELETE", "/api/teams/{team_id}/members/{user_id}/"): None,
    ("DELETE", "/api/teams/{team_id}/"): None,
    ("GET", "/api/invitations/"): None,
    ("POST", "/api/invitations/"): {"team_id": "{team_id}"},
    ("POST", "/api/invitations/look/"): {"token": "none"},
    ("POST", "/api/invitations/accept/"): {"token": "none"},
    ("DELETE", "/api/invitations/{invitation_id}/"): None,
    ("GET", "/api/nodes/"): None,
    ("POST", "/api/nodes/"): {"name": "n", "uri": "memory://n"},
    ("POST", "/api/nodes/check/"): {"uri": "memory://n"},
    ("GET", "/api/nodes/{node_id}/"): None,
    ("PATCH", "/api/nodes/{node_id}/"): {"name": "m"},
    ("DELETE", "/api/nodes/{node_id}/"): None,
    ("POST", "/api/nodes/{node_id}/drain/"): None,
    ("POST", "/api/nodes/{node_id}/undrain/"): None,
    ("POST", "/api/nodes/{node_id}/wake/"): None,
    ("GET", "/api/overview/"): None,
    ("GET", "/api/reconciler/"): None,
    ("GET", "/api/stream/"): None,
    ("GET", "/api/tips/policies/"): None,
    ("GET", "/api/tips/review/"): None,
    ("GET", "/api/tips/candidates/"): None,
    ("GET", "/api/tips/phrases/"): None,
    ("POST", "/api/tips/policies/{policy_id}/move/"): {"stage": "shadow"},
    ("GET", "/api/push/"): None,
    ("POST", "/api/push/"): {"endpoint": "https://push.example/1", "p256dh": "BA", "auth": "AA"},
    ("PUT", "/api/push/quiet_hours/"): {"hours": "22:00-08:00", "zone": "UTC"},
    ("DELETE", "/api/push/{subscription_id}/"): None,
    ("GET", "/api/config/"): None,
    ("POST", "/api/config/check_provider/"): None,
    ("PUT", "/api/config/{name}/"): {"value": "1"},
    ("DELETE", "/api/config/{name}/"): None,
    ("GET", "/api/audit/"): None,
    ("GET", "/api/v1/types/"): None,
    ("GET", "/api/v1/containers/"): None,
    ("POST", "/api/v1/containers/"): {"type": "small", "ttl_seconds": 600},
    ("GET", f"{_V1}/"): None,
    ("POST", f"{_V1}/actions/"): {"action": "stop"},
    ("GET", f"{_V1}/ports/"): None,
    ("POST", f"{_V1}/exec/"): _RUN,
    ("GET", f"{_V1}/processes/"): None,
    ("GET", f"{_V1}/processes/{{process_id}}/"): None,
    ("DELETE", f"{_V1}/processes/{{process_id}}/"): None,
    ("GET", f"{_V1}/files/"): None,
    ("PUT", f"{_V1}/files/"): {"files": [{"path": "a", "content": "b"}]},
    ("GET", f"{_V1}/dirs/"): None,
    ("DELETE", f"{_V1}/"): None,
    ("GET", "/api/v1/runs/"): None,
    ("POST", "/api/v1/runs/"): {"command": "true", "async": True},
    ("GET", "/api/v1/runs/{run_id}/"): None,
    ("DELETE", "/api/v1/runs/{run_id}/"): None,
    ("DELETE", "/api/templates/{slug}/"): None,
    ("POST", "/api/user/login/"): None,
    ("POST", "/api/user/logout/"): None,
}
"""With what is sent; `{…}` becomes an id of the owner's, or somebody's name."""
_OWN = {
    "invitation_id",
    "session_id",
    "ssh_key_id",
    "notice_id",
    "webhook_id",
    "delivery_id",
    "habit_id",
    "connection_id",
    "decision_id",
    "subscription_id",
    "run_id",
}
"""In the addresses of what is the owner's alone."""
_BY_ITSELF = {("POST", "/api/user/login/"), ("POST", "/api/user/logout/")}
"""About nobody but who asks; and the one would sign everybody out."""

_PREVIEW = f"{_BOX}/previews/{{port}}/"
_ELSEWHERE: dict[str, dict[str, Any]] = {
    f"{_BOX}/rename/": {"name": "a"},
    f"{_BOX}/duplicate/": {},
    _PREVIEW: {"level": "me"},
    f"{_PREVIEW}links/": {"hours": 1},
}
"""What routes of test_matrix_routes.py want, if it is more than nothing."""


@pytest.fixture
async def one_database(fresh_sqlite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[None]:
    """Routes ask nothing of a database but through services, and test_matrix.py tries those on both."""
    for name in ("API_RATE", "API_RATE_STRANGERS"):
        monkeypatch.setenv(name, "0")
    async with in_use(fresh_sqlite):
        yield


def _actions(api: FastAPI) -> dict[tuple[str, str], Action]:
    return {
        (method.upper(), path): Action(said[ACTION])
        for path, methods in (api.openapi()["paths"] | v1.openapi()["paths"]).items()
        for method, said in methods.items()
        if ACTION in said
    }


def _expected(route: tuple[str, str], action: Action, world: World, who: str, thing: Thing) -> int:
    """The status by the table; 200 for whatever comes behind the gate."""
    actor, path = world.people[who], route[1]
    if who == "nobody":
        return 401
    role, owner_id = None, actor.user_id
    if "{container_id}" in path:
        role, owner_id = world.role_in_container(who, thing), world.owner_id
    elif "{team_id}" in path or action is Action.INVITATION_CREATE:
        role, owner_id = world.role_in_team(who), world.owner_id
    elif "{slug}" in path or any(f"{{{each}}}" in path for each in _OWN):
        return 200 if who == "owner" else 404
    verdict = judge(actor, action, owner_id=owner_id, role=role)
    return {Verdict.HIDE: 404, Verdict.FORBID: 403}.get(verdict, 200)


async def _places(world: World, who: str, thing: Thing) -> dict[str, object]:
    async with transaction() as tx:
        row = await tx.get(Invitation, world.own["invitation_id"])
        if row is None:
            made = Invitation(
                token_hash=f"again {now()}", invited_by_id=world.owner_id, expires_at=now().replace(year=2100)
            )
            tx.add(made)
            await tx.flush()
            world.own["invitation_id"] = made.id
    own = {name: world.own[name] for name in _OWN - {"ssh_key_id"}} | {"ssh_key_id": world.own["ssh key"]}
    people = {name: world.people[name].username for name in ("stranger", "removed")}
    ids = {"container_id": thing.container_id, "share_id": thing.share_id, "schedule_id": thing.schedule_id}
    ids |= {"conversation_id": thing.conversation_ids[who], "turn_id": thing.turn_ids[who]}
    ids |= {"checkpoint_id": thing.checkpoint_id, "policy_id": 1}
    rest = {"team_id": world.team_id, "user_id": world.people["team admin"].user_id, "process_id": "p1", "type_id": 1}
    names = {"slug": "owners-own", "username": people["stranger"], "name": "default_credits", "node_id": world.node.id}
    return {**own, **people, **ids, **rest, **names}


def _filled(body: dict[str, Any] | None, places: dict[str, object]) -> dict[str, Any] | None:
    if body is None:
        return None
    return {
        name: places[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value
        for name, value in body.items()
    }


def _cases(api: FastAPI) -> Iterator[tuple[tuple[str, str], Action, Role]]:
    actions = _actions(api)
    for route in ROUTES.keys() - _BY_ITSELF:
        for role in Role if "{container_id}" in route[1] else [Role.VIEWER]:
            yield route, actions[route], role


async def test_every_route_of_the_api_answers_everybody_as_the_table_says(one_database: None) -> None:
    world, api, wrong = await a_world_of_tenants(), make_api(), list[str]()
    await a_fresh_team(world)
    for route, action, role in sorted(_cases(api), key=lambda case: list(ROUTES).index(case[0])):
        thing = None
        for who in NAMES:
            if thing is None:
                await a_fresh_team(world)
                thing = await a_fresh_thing(world, role)
                await leave_some_behind(world)
            places = await _places(world, who, thing)
            client = httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=ORIGIN, headers={"Origin": ORIGIN})
            async with client:
                client.cookies.set("sid", world.sids[who])
                body = _filled(ROUTES[route], places)
                answer = await client.request(route[0], route[1].format(**places), json=body)
            came = answer.status_code if answer.status_code in (401, 403, 404) else 200
            expected = _expected(route, action, world, who, thing)
            if came != expected or answer.status_code >= 500:
                wrong.append(f"{route} as {who} ({role}): {answer.status_code} and not {expected}: {answer.text[:200]}")
            if came == 200 and route[0] != "GET":
                thing = None
    assert not wrong, "\n".join(wrong)


async def test_no_key_reaches_further_than_its_route_says(one_database: None) -> None:
    ana, api = await a_user("ana"), make_api()
    actions, wrong = _actions(api), list[str]()
    for scope, below in (("read", {"exec", "admin"}), ("exec", {"admin"})):
        async with transaction() as tx:
            _, key = await keys.create_key(tx, ana, name="k", scope=scope)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=ORIGIN, headers=headers) as client:
            for route in actions.keys() - _BY_ITSELF:
                if _scope(actions[route]) not in below or "{slug}" in route[1]:
                    continue
                names = ("stranger", "removed", "username", "name", "slug", "process_id", "terminal_id")
                ids = ("container_id", "team_id", "share_id", "schedule_id", "user_id", "type_id", "node_id")
                ids = (*ids, *_OWN, "conversation_id", "link_id", "port", "turn_id", "checkpoint_id", "policy_id")
                places = dict.fromkeys(names, "ana") | dict.fromkeys(ids, 1)
                url, body = route[1].format(**places), _filled(ROUTES.get(route, _ELSEWHERE.get(route[1])), places)
                answer = await client.request(route[0], url, json=body)
                if answer.status_code != 403 or answer.json()["error"]["code"] != "forbidden_scope":
                    wrong.append(f"{route} with {scope}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


def _scope(action: Action) -> str:
    return next(
        scope
        for scope in ("read", "exec", "admin")
        if judge(Actor(1, is_superuser=True, scope=keys.Scope(scope)), action, owner_id=1) is Verdict.ALLOW
    )


async def test_keys_are_not_managed_through_the_api(one_database: None) -> None:
    api = make_api()
    assert not {Action.KEY_LIST, Action.KEY_CREATE, Action.KEY_REVOKE} & {*_actions(api).values()}
    assert not any("key" in path.replace("ssh-key", "").replace("ssh_key", "") for path in api.openapi()["paths"])
    async with reading() as tx:
        assert not (await tx.exec(keys.select(ApiKey))).all()
