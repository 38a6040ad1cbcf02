"""What a person takes along: everything that is kept about them, as a file."""

import json

from fastapi import APIRouter, Request, Response

from backend.api.doors import actor_of
from backend.db import transaction
from backend.services import farewell

router = APIRouter(prefix="/api/account")


@router.get("/export")
async def export_my_data(request: Request) -> Response:
    """Everything about the actor, as JSON to be kept."""
    actor = await actor_of(request)
    async with transaction() as tx:
        found = await farewell.export_my_data(tx, actor)
    headers = {"Content-Disposition": 'attachment; filename="pequeroku-my-data.json"', "Cache-Control": "no-store"}
    return Response(json.dumps(found, indent=2, ensure_ascii=False), headers=headers, media_type="application/json")
