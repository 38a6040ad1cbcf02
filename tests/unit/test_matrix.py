"""The cross-tenant matrix: every operation, as everybody, gives exactly what the table says.

Operations are found in OPERATIONS, and what they are about by the names of their parameters. One that is about
something the matrix does not know makes it fail: say in `_OTHERS` what to give, or in tests/tenants.py whose it is.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest

import backend.services
import backend.tips
from backend import settings
from backend.db import transaction
from backend.errors import Forbidden, NotFound, PequerokuError, Unauthenticated
from backend.models.base import now
from backend.operation import OPERATIONS
from backend.rules.policy import Action, Actor, Role, TeamRole, Verdict, judge
from backend.rules.templates import Plan
from backend.services.applying import Order
from backend.services.external import Person
from backend.services.one_shots import RunOrder
from backend.tips.connections.oauth import Grant
from tests.tenants import NAMES, Thing, World, a_fresh_team, a_fresh_thing, a_world_of_tenants, leave_some_behind

for _package in (backend.services, backend.tips):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        importlib.import_module(_module.name)

_ABOUT_CONTAINERS = {"container_id", "schedule_id", "share_id", "order", "link_id"}
_OWN = {"session_id", "notice_id", "delivery_id", "webhook_id", "template_id", "key_id", "user_id", "identity_id"}
_OWN |= {"invitation_id", "habit_id", "connection_id", "decision_id", "subscription_id", "run_id"}
_OF_ONESELF = {Action.WS_DISCONNECT, Action.SSH_LOGOUT}
"""They name a container, and only note something about who asks."""
_ONLY_FOR_ADMINS = {
    action for action in Action if judge(Actor(1), action, owner_id=1, role=Role.MANAGER) is Verdict.FORBID
} - {action for action in Action if action.value.startswith("team.")}
"""No relation but being an administrator helps: there it does not matter what they are about."""
_OTHERS: dict[str, object] = {
    "name": "a name", "text": "words", "username": "", "password": "words", "proof": "words", "code": "000000",
    "ticket": "none", "scope": "read", "old": "words", "new": "other words", "public_key": "no key",
    "display_name": "Me", "email": "", "url": "http://192.0.2.1/", "container_type_id": 1, "role": "viewer",
    "active": True, "enabled": True, "starts": True, "weekdays": "0", "time": "10:00", "time_zone": "UTC",
    "terminal_id": "t1", "after_s": 1.0, "reason": "", "slug": "python-api", "version": 1,
    "token": "no token", "uri": "memory://none", "outcome": Plan(), "form": "csv",
    "command": "true", "process_id": "p1",
    "port": 8080, "level": "team", "hours": 1, "label": "p80-0",
    "fingerprint": "SHA256:none", "after_id": 0, "offset": 0, "limit": 10,
    "kind": "done", "path": "/app/x", "mode": "ask", "title": "a title", "what": "a question", "allow": True, "seq": 1,
    "policy_id": 1, "to": "shadow", "mood": 3, "provider": "ics", "grant": Grant("none", "", None, ""),
    "endpoint": "https://push.example/1", "p256dh": "", "auth": "", "quiet": "", "zone": "UTC",
    "person": Person("https://id.example", "subject", "", "A newcomer", "a-newcomer"),
}  # fmt: skip
"""What to give for parameters that say nothing of whose a thing is."""


class _Undo(Exception):
    """It went through; nothing of it is kept."""


def _needed(action: Action) -> list[str]:
    """The parameters that have to be given."""
    kept = list(inspect.signature(OPERATIONS[action]).parameters.values())[2:]
    return [each.name for each in kept if each.default is each.empty and each.kind is not each.VAR_KEYWORD]


def _subject(action: Action) -> str:
    """What an operation is about: a container, a team, something of one's own, or nothing that is somebody's."""
    names = set(_needed(action))
    if action in _ONLY_FOR_ADMINS or action in _OF_ONESELF or action is Action.ONE_SHOT_SUBMIT:
        return "nothing"
    if names & _ABOUT_CONTAINERS:
        return "container"
    if "team_id" in names or action is Action.INVITATION_CREATE:
        return "team"
    return "own" if names & _OWN else "nothing"


def _arguments(action: Action, world: World, who: str, thing: Thing) -> dict[str, Any]:
    somebody = "removed" if action is Action.TEAM_ADD_MEMBER else "team admin"
    ids = world.own | {
        "container_id": thing.container_id,
        "schedule_id": thing.schedule_id,
        "share_id": thing.share_id,
        "link_id": thing.link_id,
        "conversation_id": thing.conversation_ids[who],
        "turn_id": thing.turn_ids[who],
        "checkpoint_id": thing.checkpoint_id,
        "team_id": world.team_id,
        "order": RunOrder("true") if action is Action.ONE_SHOT_SUBMIT else Order(1, thing.container_id),
        "at": now(),
        "watched_since": now(),
        "key_id": world.own["ssh key" if action is Action.SSH_KEY_REMOVE else "api key"],
    }
    if _subject(action) == "team":
        ids["user_id"] = world.people[somebody].person_id
    more: dict[str, Any] = {"username": world.people["stranger"].username} if action is Action.SHARE_SET else {}
    more |= {"team_id": world.team_id} if action is Action.INVITATION_CREATE else {}
    given = ids | _OTHERS
    if action in _ONLY_FOR_ADMINS:  # whoever else asks is refused before it matters what they gave
        return {name: given.get(name) for name in _needed(action)}
    return {name: given[name] for name in _needed(action)} | more


def _cases(world: World, things: list[Thing]) -> Iterator[tuple[Action, str, Thing, Verdict]]:
    """Each operation, as each person, and what the table says to it."""
    for action in OPERATIONS:
        about = _subject(action)
        for who in NAMES:
            actor = world.people[who]
            for thing in things if about == "container" else things[:1]:
                roles: dict[str, Role | TeamRole | None] = {
                    "container": world.role_in_container(who, thing),
                    "team": world.role_in_team(who),
                }
                owner_id = actor.user_id if about == "nothing" else world.owner_id
                yield action, who, thing, judge(actor, action, owner_id=owner_id, role=roles.get(about))


async def _outcome(action: Action, actor: Actor, arguments: dict[str, Any]) -> Verdict | None:
    """What came of it; None where nobody is signed in. A refusal for other reasons means that the gate let it pass."""
    try:
        async with transaction() as tx:
            await OPERATIONS[action](tx, actor, **arguments)
            raise _Undo
    except NotFound:
        return Verdict.HIDE
    except Forbidden:
        return Verdict.FORBID
    except _Undo:
        return Verdict.ALLOW
    except PequerokuError as refusal:
        return None if refusal.message == Unauthenticated().message else Verdict.ALLOW


@pytest.mark.parametrize("action", list(OPERATIONS))
def test_the_matrix_knows_what_every_operation_is_about(action: Action) -> None:
    if action in _ONLY_FOR_ADMINS:
        return
    known = {
        *_OTHERS,
        *_ABOUT_CONTAINERS,
        "team_id",
        "at",
        "watched_since",
        "conversation_id",
        "turn_id",
        "checkpoint_id",
    }
    known |= _OWN
    unknown = set(_needed(action)) - known
    assert not unknown, f"{action}: what is {unknown}? Tell tests/unit/test_matrix.py"


def test_an_operation_that_names_nobodys_thing_hides_nothing_and_the_others_all_do() -> None:
    stranger = Actor(10**6, "stranger")
    for action in OPERATIONS:
        verdict = judge(stranger, action, owner_id=1)
        if _subject(action) == "nothing" and verdict is Verdict.HIDE:
            assert judge(stranger, action, owner_id=stranger.user_id) is Verdict.ALLOW, action
        elif _subject(action) in ("container", "team"):
            assert verdict is Verdict.HIDE, f"{action} can be done to anybody's"


async def test_everybody_gets_from_every_operation_what_the_table_says(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_TOKEN", "there is one, or that door is hidden from everybody")
    settings.settings.cache_clear()
    world = await a_world_of_tenants()
    await a_fresh_team(world)
    things = [await a_fresh_thing(world, role) for role in Role]
    await leave_some_behind(world)
    wrong: list[str] = []
    for action, who, thing, said in _cases(world, things):
        actor = world.people[who]
        expected = None if who == "nobody" and said is not Verdict.ALLOW else said
        came = await _outcome(action, actor, _arguments(action, world, who, thing))
        if came is not expected:
            wrong.append(f"{action} as {who} ({thing.role}): {came}, and the table says {expected}")
    assert not wrong, "\n".join(wrong)
