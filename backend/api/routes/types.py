"""The types of containers that there are."""

from typing import Any

from fastapi import Response

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.administration import FullTypeOut, TypeChange, TypeIn
from backend.api.schemas.containers import TypeOut
from backend.db import reading, transaction
from backend.models import ContainerType
from backend.rules.policy import Action
from backend.services import quotas, types

router = routes("/api/container-types", "container types")


@router.get("/", response_model=Page[TypeOut], **does(Action.TYPE_LIST))
async def list_container_types(actor: Caller, paging: Paged) -> dict[str, Any]:
    """The types that your quota allows, cheapest first, with what a start of each would leave."""
    async with reading() as tx:
        return paging.cut(await quotas.my_types(tx, actor))


@router.get("/all/", response_model=Page[FullTypeOut], **does(Action.TYPE_LIST_ALL))
async def list_all_container_types(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Every type, private ones too. For administrators."""
    async with reading() as tx:
        return paging.cut(await types.list_types(tx, actor))


@router.post("/", status_code=201, response_model=FullTypeOut, **does(Action.TYPE_CREATE))
async def create_container_type(actor: Caller, said: TypeIn) -> ContainerType:
    """Add a type. Quotas that are made from now on allow it, unless it is private. For administrators."""
    async with transaction() as tx:
        return await types.create_type(tx, actor, **said.model_dump())


@router.patch("/{type_id}/", response_model=FullTypeOut, **does(Action.TYPE_UPDATE))
async def update_container_type(actor: Caller, type_id: int, said: TypeChange) -> ContainerType:
    """Change a type; what is not named stays. For administrators."""
    async with transaction() as tx:
        return await types.update_type(tx, actor, type_id, **said.model_dump(exclude_none=True))


@router.delete("/{type_id}/", status_code=204, **does(Action.TYPE_DELETE))
async def delete_container_type(actor: Caller, type_id: int) -> Response:
    """Remove a type that no container has. For administrators."""
    async with transaction() as tx:
        await types.delete_type(tx, actor, type_id)
    return Response(status_code=204)
