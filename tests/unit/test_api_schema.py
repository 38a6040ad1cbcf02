"""Whatever the description of the API allows, and much that it does not, is asked: no fault of ours comes of it, and
every answer is one that the description speaks of.

Cases are the same at each run. Each route gets a few, with ids of things that are there and with any.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from backend.db import transaction
from backend.rules.policy import Role
from backend.services import keys
from tests.conftest import in_use
from tests.people import a_user
from tests.served_api import served_api
from tests.tenants import a_fresh_team, a_fresh_thing, a_world_of_tenants

_CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
_CASES = 6
"""Of each kind, for each route."""
_FEW = settings(
    max_examples=_CASES,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_IN_A_MACHINE = (
    "_file/",
    "_folder/",
    "/exec/",
    "/exec_command/",
    "/files/",
    "/dirs/",
    "/ports/",
    "/previews/{",
    "/processes/",
    "/run/",
    "/terminals/{",
    "/turns/",
)
"""In the paths of what can't succeed where no machine runs."""
_SAYS_503 = "/ready"
"""Where no task process runs, as here: tests/unit/test_observing.py asks it."""
_DESCRIPTIONS = ("/api/schema/", "/api/v1/schema/")
_ENDLESS = "/api/v1/events/"
"""tests/unit/test_feed.py listens to it."""
_WAITS = "/api/v1/runs/"
"""For a task process, unless it is told not to."""
_SIGNS_OUT = {"/api/user/logout/"}
_SHUTS_OUT = "/api/users/{"
"""Asked last: one of the cases may be who asks."""


@pytest.fixture
async def one_database(fresh_sqlite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[None]:
    for name in ("API_RATE", "API_RATE_STRANGERS"):
        monkeypatch.setenv(name, "0")
    async with in_use(fresh_sqlite):
        yield


async def _ids() -> dict[str, Any]:
    """Of things that are there."""
    world = await a_world_of_tenants()
    await a_fresh_team(world)
    thing = await a_fresh_thing(world, Role.MANAGER)
    ids = {"container_id": thing.container_id, "share_id": thing.share_id, "schedule_id": thing.schedule_id}
    ids |= {"team_id": world.team_id, "node_id": world.node.id, "type_id": 1, "slug": "owners-own", "process_id": "p1"}
    ids |= {name: world.own[name] for name in ("session_id", "notice_id", "webhook_id", "delivery_id")}
    ids |= {"subscription_id": world.own["subscription_id"], "run_id": world.own["run_id"]}
    ids |= {"ssh_key_id": world.own["ssh key"], "username": world.people["owner"].username}
    return {**ids, "user_id": world.people["member"].user_id}


async def test_the_api_keeps_to_its_description_whatever_it_is_asked(one_database: None) -> None:
    ids, ada = await _ids(), await a_user("ada", is_superuser=True)
    async with transaction() as tx:
        _, key = await keys.create_key(tx, ada, name="k", scope="admin")
    came: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    headers = {"Authorization": f"Bearer {key}"}
    with served_api() as url:

        def ask(case: Case) -> None:
            if case.path == _WAITS and isinstance(case.body, dict):
                case.body["async"] = True
            answer = case.call(base_url=url, headers=headers, timeout=60)
            came[case.method, case.operation.path].append(answer.status_code)
            case.validate_response(answer, checks=_CHECKS)

        def ask_everything() -> list[str]:
            schemas = [schemathesis.openapi.from_url(f"{url}{path}", headers=headers) for path in _DESCRIPTIONS]
            operations = [each.ok() for schema in schemas for each in schema.get_all_operations()]
            asked = [each for each in operations if each.path not in (*_SIGNS_OUT, _SAYS_503, _ENDLESS)]
            asked.sort(key=lambda each: each.path.startswith(_SHUTS_OUT))
            return [problem for each in asked for problem in _try(each, ids, ask)]

        wrong = await asyncio.to_thread(ask_everything)
    assert not wrong, "\n\n".join(wrong)
    assert len(came) > 60
    alone = {route: statuses for route, statuses in came.items() if not any(each in route[1] for each in _IN_A_MACHINE)}
    succeeded = {route for route, statuses in alone.items() if min(statuses) < 300}
    assert len(succeeded) > len(alone) / 2, f"only these: {sorted(succeeded)}"


def _try(operation: APIOperation, ids: dict[str, Any], ask: Callable[[Case], None]) -> list[str]:
    """Ask it in some ways; what was wrong."""
    there = {name: value for name, value in ids.items() if f"{{{name}}}" in operation.path}
    strategies = [operation.as_strategy(GenerationMode.POSITIVE, path_parameters=there or None)] if there else []
    strategies += [operation.as_strategy(GenerationMode.POSITIVE)]
    if operation.body or operation.query or operation.path_parameters:
        strategies.append(operation.as_strategy(GenerationMode.NEGATIVE))
    wrong: list[str] = []
    for strategy in strategies:
        try:
            _FEW(given(case=strategy)(ask))()
        except (Exception, FailureGroup) as fault:  # noqa: BLE001 - every route is asked, then all is told
            wrong.append(
                f"{operation.method.upper()} {operation.path}: {fault}\n{getattr(fault, '__notes__', '')}"[:1500]
            )
    return wrong
