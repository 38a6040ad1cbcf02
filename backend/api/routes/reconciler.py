"""What the reconciler is about, for administrators."""

from typing import Annotated, Any

from fastapi import Query

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.administration import ReconcilingOut
from backend.api.schemas.containers import RowId
from backend.db import reading
from backend.rules.policy import Action
from backend.services import reconciling

router = routes("/api/reconciler", "nodes")


@router.get("/", response_model=Page[ReconcilingOut], **does(Action.RECONCILER_READ))
async def list_reconciling(
    actor: Caller,
    paging: Paged,
    node_id: Annotated[RowId | None, Query()] = None,
    search: Annotated[str, Query(max_length=200, description="In names of containers, owners and nodes")] = "",
    unsettled: Annotated[bool, Query(description="Only what is not as wished")] = False,
) -> dict[str, Any]:
    """Every container: what is wished, seen and was done last; what was touched last first. For administrators."""
    begin = paging.after or 0
    async with reading() as tx:
        found, total = await reconciling.list_reconciling(
            tx, actor, node_id=node_id, search=search, unsettled=unsettled, limit=paging.limit, offset=begin
        )
    end = begin + len(found)
    return paging.page(found, end if found and end < total else None)
