"""Where people's own `ssh` gets in."""

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.people import GatewayOut
from backend.db import reading
from backend.rules.policy import Action
from backend.services import ssh_gateway
from backend.services.ssh_host_key import GatewayView

router = routes("/api/ssh-gateway", "user")


@router.get("/", response_model=GatewayOut, **does(Action.SSH_GATEWAY))
async def read_gateway(actor: Caller) -> GatewayView:
    """Where the SSH gateway is, and how to know it."""
    async with reading() as tx:
        return await ssh_gateway.gateway(tx, actor)
