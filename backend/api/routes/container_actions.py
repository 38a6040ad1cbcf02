"""What is done to containers beside running them: renamed, copied, put to sleep; and their logs."""

from datetime import datetime
from typing import Any

from fastapi import Response
from pydantic import BaseModel, Field

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.containers import ContainerOut
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.services import duplicating, logs, naming, sleeping
from backend.services.views import ContainerView

router = routes("/api/containers/{container_id}", "containers")


class NameIn(BaseModel):
    """What it is to be called."""

    name: str = Field(max_length=200, description="Letters, digits and hyphens, 63 at most; the guest's host name")


class CopyIn(BaseModel):
    """A copy to be made."""

    name: str = Field(default="", max_length=200, description="Empty: the original's, with “-copy” behind it")
    starts: bool = Field(default=False, description="Run it once its disk is there; else it is stopped")


class ConsoleOut(BaseModel):
    """The end of what the guest wrote to its first serial port, as plain text."""

    text: str
    updated_at: datetime | None


class EventOut(BaseModel):
    """Something that happened to the machine."""

    id: int
    at: datetime
    kind: str = Field(description="boot, running, ask-off, note-stopped, sleep, wake, migrate, failed, …")
    text: str


@router.post("/rename/", response_model=ContainerOut, **does(Action.CONTAINER_RENAME))
async def rename_container(actor: Caller, container_id: int, asked: NameIn) -> ContainerView:
    """Call it something else. The system inside is called so from its next boot on."""
    async with transaction() as tx:
        return await naming.rename(tx, actor, container_id, asked.name)


@router.post("/duplicate/", status_code=201, response_model=ContainerOut, **does(Action.CONTAINER_DUPLICATE))
async def duplicate_container(actor: Caller, container_id: int, asked: CopyIn, response: Response) -> ContainerView:
    """Make a container with a copy of this one's disk, on the same node. It belongs to the caller."""
    async with transaction() as tx:
        made = await duplicating.duplicate(tx, actor, container_id, name=asked.name, starts=asked.starts)
    response.headers["Location"] = f"/api/containers/{made.id}/"
    return made


@router.post("/sleep/", response_model=ContainerOut, **does(Action.CONTAINER_SLEEP))
async def put_container_to_sleep(actor: Caller, container_id: int) -> ContainerView:
    """Stop it with what it has in memory kept. Starting it (power_on) wakes it."""
    async with transaction() as tx:
        return await sleeping.sleep(tx, actor, container_id)


@router.post("/start_afresh/", response_model=ContainerOut, **does(Action.CONTAINER_START_AFRESH))
async def start_container_afresh(actor: Caller, container_id: int) -> ContainerView:
    """Start what sleeps from its disk: what it had in memory is lost."""
    async with transaction() as tx:
        return await sleeping.start_afresh(tx, actor, container_id)


@router.get("/console/", **does(Action.CONTAINER_CONSOLE))
async def read_console(actor: Caller, container_id: int) -> ConsoleOut:
    """What the guest wrote to its console: the last 64 KiB, as text. It is the guest's word."""
    async with reading() as tx:
        said = await logs.console(tx, actor, container_id)
    return ConsoleOut(text=said.text, updated_at=said.updated_at)


@router.get("/logs/", response_model=Page[EventOut], **does(Action.CONTAINER_LOGS))
async def list_container_events(actor: Caller, container_id: int, paging: Paged) -> dict[str, Any]:
    """What happened to the machine, newest first; the newest few hundred are kept."""
    async with reading() as tx:
        found = await logs.events(tx, actor, container_id, before_id=paging.after, limit=paging.limit)
    items = [EventOut(id=each.id, at=each.at, kind=each.kind, text=each.text) for each in found]
    return paging.page(items, items[-1].id if len(items) == paging.limit else None)
