"""What a turn of the assistant changed, and undoing it. Turns are had over the socket (docs/ai.md)."""

from typing import Annotated, Any

from fastapi import Query

from backend.ai import live, undoing
from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.checkpoints import ChangesOut, DiffOut, UndoIn, UndoneOut
from backend.rules.policy import Action

router = routes("/api/containers/{container_id}/turns", "assistant")


@router.get("/{turn_id}/changes/", response_model=ChangesOut, **does(Action.AI_CHANGES))
async def list_changes(actor: Caller, container_id: int, turn_id: int) -> dict[str, Any]:
    """The files under /app that one of your turns changed, as long as that is kept."""
    found, total = await undoing.changes_of(actor, container_id, turn_id)
    return {"files": found, "total": total}


@router.get("/{turn_id}/diff/", response_model=DiffOut, **does(Action.AI_CHANGES))
async def read_diff(
    actor: Caller, container_id: int, turn_id: int, path: Annotated[str, Query(max_length=4096)] = ""
) -> dict[str, Any]:
    """What it did to one file."""
    return {"path": path, "diff": await undoing.diff_of(actor, container_id, turn_id, path)}


@router.post("/{turn_id}/undo/", response_model=UndoneOut, **does(Action.AI_UNDO, Action.CHECKPOINT_RESTORE))
async def undo_turn(actor: Caller, container_id: int, turn_id: int, said: UndoIn) -> dict[str, Any]:
    """Put its files back, all or some; or have the disk set back to where it began."""
    paths = await undoing.undo(
        actor, container_id, turn_id, said.what, live.live().tell, paths=said.paths, force=said.force
    )
    return {"what": said.what, "paths": paths}
