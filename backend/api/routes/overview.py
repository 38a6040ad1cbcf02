"""What goes on in the whole installation, for administrators."""

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.overview import OverviewOut
from backend.db import reading
from backend.rules.policy import Action
from backend.services.admin import overview
from backend.services.admin.overview import Overview

router = routes("/api/overview", "nodes")


@router.get("/", response_model=OverviewOut, **does(Action.ADMIN_OVERVIEW))
async def get_overview(actor: Caller) -> Overview:
    """What runs, what the nodes carry, what was made and what failed, and what needs somebody. For administrators."""
    async with reading() as tx:
        return await overview.overview(tx, actor)
