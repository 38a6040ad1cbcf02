"""With whom a container is shared, and when it starts and stops by itself."""

from typing import Any

from fastapi import Response

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.containers import ScheduleChange, ScheduleIn, ScheduleOut, ShareIn, ShareOut
from backend.db import reading, transaction
from backend.errors import NotFound
from backend.models import ContainerSchedule
from backend.rules.policy import Action
from backend.services import schedules, sharing
from backend.services.views import ScheduleView, ShareView

router = routes("/api/containers/{container_id}", "containers")


@router.get("/share/", response_model=Page[ShareOut], **does(Action.SHARE_LIST))
async def list_shares(actor: Caller, container_id: int, paging: Paged) -> dict[str, Any]:
    """With whom it is shared, teams first."""
    async with reading() as tx:
        return paging.cut(await sharing.list_shares(tx, actor, container_id))


@router.post("/share/", status_code=201, response_model=ShareOut, **does(Action.SHARE_SET))
async def share_container(actor: Caller, container_id: int, said: ShareIn) -> ShareView:
    """Share it with a user or a team; with whom it is shared already, the role becomes this one."""
    async with transaction() as tx:
        await sharing.share(tx, actor, container_id, role=said.role, username=said.username, team_id=said.team_id)
        await tx.flush()
        shares = await sharing.list_shares(tx, actor, container_id)
    return next(each for each in shares if _is_with(each, said))


@router.delete("/share/{share_id}/", status_code=204, **does(Action.SHARE_END))
async def end_share(actor: Caller, container_id: int, share_id: int) -> Response:
    """Take a share back: whoever had no other loses sight of it at once."""
    async with transaction() as tx:
        await sharing.unshare(tx, actor, container_id, share_id)
    return Response(status_code=204)


@router.post("/leave_share/", status_code=204, **does(Action.SHARE_LEAVE))
async def leave_share(actor: Caller, container_id: int) -> Response:
    """Give up what somebody shared with you."""
    async with transaction() as tx:
        await sharing.leave(tx, actor, container_id)
    return Response(status_code=204)


@router.get("/schedules/", response_model=Page[ScheduleOut], **does(Action.SCHEDULE_LIST))
async def list_schedules(actor: Caller, container_id: int, paging: Paged) -> dict[str, Any]:
    """When it starts and stops by itself."""
    async with reading() as tx:
        return paging.cut(await schedules.list_schedules(tx, actor, container_id))


@router.post("/schedules/", status_code=201, response_model=ScheduleOut, **does(Action.SCHEDULE_CREATE))
async def create_schedule(actor: Caller, container_id: int, said: ScheduleIn) -> ScheduleView:
    """Start it, or stop it, at a time of day."""
    async with transaction() as tx:
        return await schedules.create_schedule(tx, actor, container_id, **said.model_dump())


@router.patch("/schedules/{schedule_id}/", response_model=ScheduleOut, **does(Action.SCHEDULE_UPDATE))
async def update_schedule(actor: Caller, container_id: int, schedule_id: int, said: ScheduleChange) -> ScheduleView:
    """Switch a schedule on or off."""
    async with transaction() as tx:
        row = await tx.get(ContainerSchedule, schedule_id)
        changed = await schedules.update_schedule(tx, actor, schedule_id, enabled=said.enabled)
        _check_is_of(row, container_id)
        return changed


@router.delete("/schedules/{schedule_id}/", status_code=204, **does(Action.SCHEDULE_DELETE))
async def delete_schedule(actor: Caller, container_id: int, schedule_id: int) -> Response:
    """Remove a schedule."""
    async with transaction() as tx:
        row = await tx.get(ContainerSchedule, schedule_id)
        await schedules.delete_schedule(tx, actor, schedule_id)
        _check_is_of(row, container_id)
    return Response(status_code=204)


def _is_with(share: ShareView, said: ShareIn) -> bool:
    if said.team_id is not None:
        return share.team_id == said.team_id
    return share.user_id is not None and share.name.lower() == said.username.strip().lower()


def _check_is_of(schedule: ContainerSchedule | None, container_id: int) -> None:
    """What was done to a schedule of another container than the address says is undone."""
    if schedule is None or schedule.container_id != container_id:
        raise NotFound("That schedule")
