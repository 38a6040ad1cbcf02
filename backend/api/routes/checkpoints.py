"""Checkpoints of a container's disk (docs/adr/0026)."""

from typing import Any

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.checkpoints import CheckpointOut
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import checkpoints
from backend.services.checkpoints import CheckpointView

router = routes("/api/containers/{container_id}/checkpoints", "checkpoints")


@router.get("/", response_model=Page[CheckpointOut], **does(Action.CHECKPOINT_LIST))
async def list_checkpoints(actor: Caller, container_id: int, paging: Paged) -> dict[str, Any]:
    """Those that are kept, newest first. Each turn of the assistant begins with one."""
    async with reading() as tx:
        return paging.cut(await checkpoints.list_checkpoints(tx, actor, container_id))


@router.post("/", status_code=201, response_model=CheckpointOut, **does(Action.CHECKPOINT_MAKE))
async def make_checkpoint(actor: Caller, container_id: int) -> CheckpointView:
    """Ask for one of a running container, which runs on. Its state says when it is made."""
    async with transaction() as tx:
        return await checkpoints.make(tx, actor, container_id)


@router.post("/{checkpoint_id}/restore/", response_model=CheckpointOut, **does(Action.CHECKPOINT_RESTORE))
async def restore_checkpoint(actor: Caller, container_id: int, checkpoint_id: int) -> CheckpointView:
    """Ask for the disk to be set back to it. All that runs ends, and all that was written since is gone."""
    async with transaction() as tx:
        return await checkpoints.restore(tx, actor, container_id, checkpoint_id)
