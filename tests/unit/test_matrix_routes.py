"""The cross-tenant matrix of routes and sockets: each as everybody, and what comes is what the policy says.

Routes that only the API has are in test_matrix_api.py; pages' handlers in test_matrix_doors.py.
"""

from collections.abc import Iterator
from typing import Any

import httpx
from fastapi.routing import APIRoute, APIWebSocketRoute

from backend.api.app import make_api
from backend.rules.policy import Action, Role, Verdict, judge
from tests.asgi import ORIGIN, Socket
from tests.stores import eventually
from tests.tenants import NAMES, a_fresh_team, a_fresh_thing, a_world_of_tenants, leave_some_behind
from tests.unit import test_matrix_api

_BODIES = {("PUT", ""): {"level": "team"}, ("POST", "links/"): {"hours": 1}}
"""What is sent to a port's preview."""
_ROUTES: dict[tuple[str, str], Action | None] = {
    ("GET", "/api/health"): None,
    ("GET", "/health"): None,
    ("GET", "/ready"): None,
    ("GET", "/metrics"): None,
    ("GET", "/api/containers/{container_id}/metrics/"): Action.CONTAINER_METRICS,
    ("POST", "/auth/login"): None,
    ("POST", "/auth/logout"): None,
    ("POST", "/auth/code"): None,
    ("POST", "/auth/signup"): None,
    ("POST", "/auth/token"): None,
    ("POST", "/api/auth/token"): None,
    ("GET", "/auth/oidc/{provider_name}/login"): None,
    ("GET", "/auth/oidc/{provider_name}/callback"): None,
    ("GET", "/auth/connect/{provider_name}/begin"): None,
    ("GET", "/auth/connect/{provider_name}/callback"): None,
    ("POST", "/api/tips/hooks/todoist"): None,
    ("GET", "/api/account/export"): None,
    ("GET", "/api/audit/export/"): Action.AUDIT_EXPORT,
    ("POST", "/api/containers/{container_id}/rename/"): Action.CONTAINER_RENAME,
    ("POST", "/api/containers/{container_id}/duplicate/"): Action.CONTAINER_DUPLICATE,
    ("POST", "/api/containers/{container_id}/sleep/"): Action.CONTAINER_SLEEP,
    ("POST", "/api/containers/{container_id}/start_afresh/"): Action.CONTAINER_START_AFRESH,
    ("GET", "/api/containers/{container_id}/console/"): Action.CONTAINER_CONSOLE,
    ("GET", "/api/containers/{container_id}/logs/"): Action.CONTAINER_LOGS,
    ("GET", "/api/containers/{container_id}/terminals/"): Action.TERMINAL_LOOK,
    ("DELETE", "/api/containers/{container_id}/terminals/{terminal_id}/"): Action.TERMINAL_CLOSE,
    ("GET", "/api/schema/"): None,
    ("GET", "/api/v1/schema/"): None,
    ("GET", "/api/v1/schema/swagger-ui/"): None,
    ("GET", "/api/v1/events/"): None,  # what it tells, and to whom: test_feed.py
    ("GET", "/api/schema/swagger-ui/"): None,
    ("GET", "/api/schema/redoc/"): None,
    ("GET", "/api/schema/files/{name}"): None,
    ("GET", "/api/containers/{container_id}/ports/"): Action.PORT_LIST,
    ("SOCKET", "/ws/ports/{container_id}"): Action.PORT_LIST,
    ("GET", "/api/containers/{container_id}/previews/"): Action.PREVIEW_LIST,
    ("GET", "/api/containers/{container_id}/previews/{port}/"): Action.PREVIEW_OPEN,
    ("PUT", "/api/containers/{container_id}/previews/{port}/"): Action.PREVIEW_SHOW_TO,
    ("POST", "/api/containers/{container_id}/previews/{port}/links/"): Action.PREVIEW_LINK,
    ("DELETE", "/api/containers/{container_id}/preview-links/{link_id}/"): None,  # gone at once: test_matrix.py
    ("GET", "/api/containers/{container_id}/run/"): Action.RUN_LOOK,
    ("POST", "/api/containers/{container_id}/run/"): Action.RUN_START,
    ("DELETE", "/api/containers/{container_id}/run/"): Action.RUN_STOP,
    ("SOCKET", "/ws/terminals/{container_id}/{terminal_id}"): Action.WS_CONNECT,
    ("SOCKET", "/ws/containers/{container_id}/"): Action.WS_CONNECT,
    ("SOCKET", "/ws/fs/{container_id}/"): Action.FILE_LOOK,
    ("SOCKET", "/ws/ai/{container_id}/"): Action.AI_LOOK,
    ("POST", "/api/containers/{container_id}/upload_file/"): Action.CONTAINER_UPLOAD_FILE,
    ("GET", "/api/containers/{container_id}/upload_file/"): Action.FILE_LOOK,
    ("DELETE", "/api/containers/{container_id}/upload_file/"): Action.FILE_LOOK,
    ("GET", "/api/containers/{container_id}/download_file/"): Action.CONTAINER_DOWNLOAD_FILE,
    ("GET", "/api/containers/{container_id}/download_folder/"): Action.CONTAINER_DOWNLOAD_FOLDER,
}
"""What a route does to a container or to everybody's; None: nothing of anybody's but the sender's own."""


def _routes(of: Any) -> Iterator[tuple[str, str]]:
    for route in of.routes:
        if isinstance(route, APIRoute):
            yield from ((method, route.path) for method in route.methods)
        elif isinstance(route, APIWebSocketRoute):
            yield "SOCKET", route.path
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router)


def test_every_route_and_socket_is_in_the_matrix() -> None:
    known = _ROUTES.keys() | test_matrix_api.ROUTES.keys()
    assert set(_routes(make_api())) == known, (
        "tell tests/unit/test_matrix_doors.py, or test_matrix_api.py, what they do"
    )


async def test_every_route_answers_everybody_as_the_table_says(database: str) -> None:
    world = await a_world_of_tenants()
    await a_fresh_team(world)
    things = [await a_fresh_thing(world, role) for role in Role]
    await leave_some_behind(world)
    app, wrong = make_api(), []
    for (method, path), action in _ROUTES.items():
        for who in NAMES if action else []:
            for thing in things:
                role = world.role_in_container(who, thing)
                verdict = judge(world.people[who], action, owner_id=world.owner_id, role=role)
                url = path.format(container_id=thing.container_id, terminal_id="t1", port=8080, link_id=thing.link_id)
                ask = _by_socket if method == "SOCKET" else _by_request
                came = await ask(app, method, url, world.sids[who])
                expected = {Verdict.HIDE: 404, Verdict.FORBID: 403}.get(verdict, 200)
                if came != (401 if who == "nobody" else expected):
                    wrong.append(f"{method} {path} as {who} ({thing.role}): {came}, and the table says {verdict}")
    assert not wrong, "\n".join(wrong)


async def _by_request(app: Any, method: str, url: str, sid: str) -> int:
    """Its status; 200 for whatever came behind the gate."""
    headers = {"cookie": f"sid={sid}", "origin": ORIGIN}
    body = _BODIES.get((method, url.rpartition("/8080/")[2]), {"name": ""} if method == "POST" else None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN) as client:
        answer = await client.request(method, url, headers=headers, json=body)
    return answer.status_code if answer.status_code in (401, 403, 404) else 200


async def _by_socket(app: Any, _method: str, url: str, sid: str) -> int:
    """As a status: its close code, or 200 where it goes on."""
    socket = Socket(app, url, sid=sid)
    await eventually("an answer", lambda: socket.code is not None or socket.states or _is_greeted(socket))
    if socket.code is None:
        await socket.leave()
        return 200
    return socket.code - 4000


def _is_greeted(socket: Socket) -> bool:
    return any(each.get("event") == "connected" for each in socket.heard)
