"""What a person takes along: everything that is kept about them, as a file."""

import json

from fastapi import Response

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.db import transaction
from backend.rules.policy import Action
from backend.services import farewell

router = routes("/api/account", "user")


@router.get("/export", **does(Action.ACCOUNT_EXPORT))
async def export_my_data(actor: Caller) -> Response:
    """Everything about the actor, as JSON to be kept."""
    async with transaction() as tx:
        found = await farewell.export_my_data(tx, actor)
    headers = {"Content-Disposition": 'attachment; filename="pequeroku-my-data.json"', "Cache-Control": "no-store"}
    return Response(json.dumps(found, indent=2, ensure_ascii=False), headers=headers, media_type="application/json")
