"""What can be done at all can be done over the API: every Action has a route there, or stands here with why not."""

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from backend.api.app import make_api
from backend.api.routing import ACTION, ALSO
from backend.api.v1 import schema as v1
from backend.rules.policy import Action

_BY_SOCKET = {
    Action.WS_CONNECT: "/ws/containers/{container_id}/",
    Action.WS_DISCONNECT: "/ws/containers/{container_id}/",
    Action.FILE_CREATE: "/ws/fs/{container_id}/",
    Action.FILE_MOVE: "/ws/fs/{container_id}/",
    Action.FILE_COPY: "/ws/fs/{container_id}/",
    Action.FILE_TRASH: "/ws/fs/{container_id}/",
    Action.FILE_RESTORE: "/ws/fs/{container_id}/",
    Action.FILE_CLONE: "/ws/fs/{container_id}/",
    **dict.fromkeys(
        (
            Action.AI_LOOK,
            Action.AI_OPEN,
            Action.AI_ASK,
            Action.AI_RETRY,
            Action.AI_ANSWER,
            Action.AI_STOP,
            Action.AI_SET_MODE,
            Action.AI_CLEAR,
        ),
        "/ws/ai/{container_id}/",
    ),
}
_SIGNING_IN = {
    Action.USER_LOGIN: "/api/user/login/",
    Action.USER_SECOND_STEP: "/api/user/login/",
    Action.USER_TOKEN_LOGIN: "/api/auth/token",
}
"""By routes that anybody may ask, and so say nothing of an action."""
_NOT_FOR_PROGRAMS = {
    "How one comes in is set by the person, signed in on the pages: keys make no keys.": {
        Action.KEY_LIST,
        Action.KEY_CREATE,
        Action.KEY_REVOKE,
        Action.USER_CHANGE_PASSWORD,
        Action.TOTP_BEGIN,
        Action.TOTP_ENABLE,
        Action.TOTP_DISABLE,
        Action.TOTP_RENEW_CODES,
        Action.IDENTITY_LIST,
        Action.IDENTITY_LINK,
        Action.IDENTITY_UNLINK,
        Action.ACCOUNT_DELETE,
    },
    "A browser is led through it: by another service, by a form for people, by a preview's ticket.": {
        Action.USER_EXTERNAL_LOGIN,
        Action.USER_SIGN_UP,
        Action.PREVIEW_ENTER,
        Action.PREVIEW_LOOK,
        Action.CONNECTION_MAKE,
    },
    "It is done by SSH: a program has sockets and routes of its own, or a key for the gateway.": {
        Action.SSH_LOGIN,
        Action.SSH_SESSION,
        Action.SSH_FORWARD,
        Action.SSH_LOOK,
        Action.SSH_LOGOUT,
    },
    "Background tasks do it, as the system.": {
        Action.USER_ERASE,
        Action.CONTAINER_FAULT,
        Action.CONTAINER_STOP_IDLE,
        Action.CONTAINER_WARN_EXPIRY,
        Action.CONTAINER_EXPIRE,
        Action.SCHEDULE_RUN,
        Action.AUDIT_PRUNE,
    },
    "It notes how something ended that began as another action.": {Action.TEMPLATE_APPLIED},
    "The administration's tables and forms: what is done with them is an operation that has a route of its own.": {
        Action.ADMIN_LIST,
        Action.ADMIN_READ,
        Action.ADMIN_SAVE,
        Action.ADMIN_ASK,
        Action.ADMIN_ACT,
    },
    "The command line does it, beside the database: no page does.": {Action.AUDIT_VERIFY},
    "The assistant asks it before each of its steps.": {Action.AI_GO_ON},
    "The assistant's tools do it, for who asked: a program has a way to the web of its own.": {
        Action.AI_FETCH,
        Action.AI_MCP_CALL,
    },
}


def _by_route() -> set[Action]:
    api = make_api()
    paths = [*api.openapi()["paths"].values(), *v1.openapi()["paths"].values()]
    said = [each for path in paths for each in path.values()]
    first = {Action(each[ACTION]) for each in said if ACTION in each}
    return first | {Action(name) for each in said for name in each.get(ALSO, ())}


_BY_ROUTE = _by_route()
_EXCEPTED = {action for actions in _NOT_FOR_PROGRAMS.values() for action in actions}


@pytest.mark.parametrize("action", list(Action))
def test_a_program_can_do_it_too_or_it_is_said_why_not(action: Action) -> None:
    ways = [action in each for each in (_BY_ROUTE, _BY_SOCKET, _SIGNING_IN, _EXCEPTED)]
    assert any(ways), "give it a route with **does(…), or say here why it has none"
    assert sum(ways) == 1, "it stands in a table here although there is another way: take it out"


def test_the_routes_and_sockets_that_are_named_here_are_there() -> None:
    api = make_api()
    paths: set[str] = set()
    for router in [api, *(each.original_router for each in api.routes if hasattr(each, "original_router"))]:
        paths |= {each.path for each in router.routes if isinstance(each, APIRoute | APIWebSocketRoute)}
    assert {*_BY_SOCKET.values(), *_SIGNING_IN.values()} <= paths
