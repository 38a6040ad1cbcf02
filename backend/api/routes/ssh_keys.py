"""People's SSH public keys."""

from typing import Any

from fastapi import Response

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.people import SshKeyIn, SshKeyOut
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import keys
from backend.services.keys import SshKeyView

router = routes("/api/ssh-keys", "user")


@router.get("/", response_model=Page[SshKeyOut], **does(Action.SSH_KEY_LIST))
async def list_ssh_keys(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Your SSH public keys, newest first."""
    async with reading() as tx:
        return paging.cut(await keys.list_ssh_keys(tx, actor))


@router.post("/", status_code=201, response_model=SshKeyOut, **does(Action.SSH_KEY_ADD))
async def add_ssh_key(actor: Caller, said: SshKeyIn) -> SshKeyView:
    """Keep an SSH public key as your own."""
    async with transaction() as tx:
        return await keys.add_ssh_key(tx, actor, **said.model_dump())


@router.delete("/{ssh_key_id}/", status_code=204, **does(Action.SSH_KEY_REMOVE))
async def remove_ssh_key(actor: Caller, ssh_key_id: int) -> Response:
    """Forget an SSH public key."""
    async with transaction() as tx:
        await keys.remove_ssh_key(tx, actor, ssh_key_id)
    return Response(status_code=204)
