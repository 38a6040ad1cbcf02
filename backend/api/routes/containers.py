"""Containers: made, listed, started, stopped, resized and deleted. Each records a wish and answers at once."""

from typing import Annotated, Any

from fastapi import Query, Response

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.audit import AuditOut
from backend.api.schemas.containers import ContainerIn, ContainerOut, ContainersAsked, ResizeIn
from backend.api.schemas.written import Written
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import audit, containers, sizes, upkeep
from backend.services.views import ContainerView

router = routes("/api/containers", "containers")
_written = Written[ContainerView](ContainerOut, 5_000)


@router.get("/", response_model=Page[ContainerOut], **does(Action.CONTAINER_LIST))
async def list_containers(actor: Caller, asked: Annotated[ContainersAsked, Query()], paging: Paged) -> Response:
    """What is yours or shared with you, newest first."""
    async with reading() as tx:
        found = await containers.list_visible(
            tx, actor, asked.wanted(), before_id=paging.after, limit=paging.limit + 1, with_credits=False
        )
    shown = found[: paging.limit]
    return paging.written([_written.of(each) for each in shown], shown[-1].id if len(found) > paging.limit else None)


@router.post("/", status_code=201, response_model=ContainerOut, **does(Action.CONTAINER_CREATE))
async def create_container(actor: Caller, said: ContainerIn) -> ContainerView:
    """Place a new container on a node, and have it run."""
    async with transaction() as tx:
        return await containers.create(tx, actor, **said.model_dump())


@router.get("/{container_id}/", response_model=ContainerOut, **does(Action.CONTAINER_READ))
async def get_container(actor: Caller, container_id: int) -> ContainerView:
    """One container."""
    async with reading() as tx:
        return await containers.get(tx, actor, container_id)


@router.delete("/{container_id}/", status_code=202, response_model=ContainerOut, **does(Action.CONTAINER_DELETE))
async def delete_container(actor: Caller, container_id: int) -> ContainerView:
    """Have it removed, with its disk. It can't be taken back; its credits are free at once."""
    async with transaction() as tx:
        return await containers.delete(tx, actor, container_id)


@router.post(
    "/{container_id}/power_on/", status_code=202, response_model=ContainerOut, **does(Action.CONTAINER_POWER_ON)
)
async def power_on(actor: Caller, container_id: int) -> ContainerView:
    """Have it run. After an error this is the retry; asking twice is asking once."""
    async with transaction() as tx:
        return await containers.power_on(tx, actor, container_id)


@router.post(
    "/{container_id}/power_off/", status_code=202, response_model=ContainerOut, **does(Action.CONTAINER_POWER_OFF)
)
async def power_off(actor: Caller, container_id: int) -> ContainerView:
    """Have it shut down: the guest first, and after the grace time without it."""
    async with transaction() as tx:
        return await containers.power_off(tx, actor, container_id)


@router.post(
    "/{container_id}/restart_container/", status_code=202, response_model=ContainerOut, **does(Action.CONTAINER_RESTART)
)
async def restart_container(actor: Caller, container_id: int) -> ContainerView:
    """Have it shut down and booted again."""
    async with transaction() as tx:
        return await containers.restart(tx, actor, container_id)


@router.post("/{container_id}/resize/", status_code=202, response_model=ContainerOut, **does(Action.CONTAINER_RESIZE))
async def resize_container(actor: Caller, container_id: int, said: ResizeIn) -> ContainerView:
    """Give it another type. What runs is restarted to take the new size; a disk never shrinks."""
    async with transaction() as tx:
        return await sizes.resize(tx, actor, container_id, **said.model_dump())


@router.post("/{container_id}/keep/", response_model=ContainerOut, **does(Action.CONTAINER_KEEP))
async def keep_container(actor: Caller, container_id: int) -> ContainerView:
    """Begin its lifetime anew, where its type has one."""
    async with transaction() as tx:
        return await upkeep.keep(tx, actor, container_id)


@router.get("/{container_id}/audit/", response_model=Page[AuditOut], **does(Action.AUDIT_CONTAINER))
async def list_container_audit(actor: Caller, container_id: int, paging: Paged) -> dict[str, Any]:
    """What was done to it, and by whom; newest first."""
    async with reading() as tx:
        found = await audit.get_machine_logs(tx, actor, container_id, before_id=paging.after, limit=paging.limit)
    return paging.page(found.rows, found.next_before_id)
