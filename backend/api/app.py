"""The HTTP and WebSocket doors, as one FastAPI app that the user interface mounts."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from backend.api.bodies import BoundedBodies
from backend.api.counting import Counted
from backend.api.elsewhere import answer_elsewhere
from backend.api.limits import SaysTheRate
from backend.api.mcp import door as mcp
from backend.api.openapi import describe
from backend.api.problems import refuse
from backend.api.routes import (
    account,
    admin_token,
    administration,
    ai_usage,
    audit,
    auth,
    checkpoints,
    connecting,
    container_actions,
    containers,
    conversations,
    docs,
    exec_commands,
    files,
    health,
    inbox,
    metrics,
    oidc,
    overview,
    people,
    previews,
    push,
    quota,
    reconciler,
    runs,
    sessions,
    sharing,
    signals,
    ssh_gateway,
    ssh_keys,
    stream,
    teams,
    templates,
    terminals,
    tip_policies,
    tip_review,
    tips,
    turns,
    types,
    users,
    webhooks,
)
from backend.api.v1 import schema as v1
from backend.api.v1.slashes import EitherWay
from backend.api.ws import ai as ai_sockets
from backend.api.ws import fs
from backend.api.ws import ports as port_sockets
from backend.api.ws import terminals as terminal_sockets
from backend.errors import PequerokuError

_ROUTERS = (
    health.router,
    auth.router,
    account.router,
    admin_token.router,
    audit.router,
    metrics.router,
    oidc.router,
    connecting.router,
    container_actions.router,
    terminals.router,
    terminal_sockets.router,
    containers.router,
    conversations.router,
    checkpoints.router,
    turns.router,
    ai_usage.router,
    sharing.router,
    exec_commands.router,
    types.router,
    quota.router,
    templates.router,
    people.router,
    sessions.router,
    ssh_keys.router,
    ssh_gateway.router,
    inbox.router,
    tip_policies.router,
    tip_review.router,
    tips.router,
    webhooks.router,
    signals.router,
    signals.hooks,
    push.router,
    stream.router,
    users.router,
    teams.router,
    teams.invitation_router,
    administration.router,
    administration.config_router,
    overview.router,
    reconciler.router,
    docs.router,
    previews.router,
    runs.router,
    port_sockets.router,
    fs.router,
    ai_sockets.router,
    files.router,
)


def make_api() -> FastAPI:
    """Every route, with one form of error: {"error": {"code", "message"}}."""
    api = FastAPI(title="Pequeroku", docs_url=None, redoc_url=None, openapi_url=None)
    api.add_middleware(SaysTheRate)
    api.add_middleware(BoundedBodies)
    api.add_middleware(Counted)
    api.add_middleware(EitherWay)
    for router in (*_ROUTERS, *v1.ROUTERS):
        api.include_router(router)
    api.add_exception_handler(PequerokuError, refuse)
    api.add_exception_handler(RequestValidationError, refuse)
    api.router.routes += mcp.routes()
    describe(api, besides=v1.ROUTERS)
    answer_elsewhere(api)
    return api
