"""What a container listens on, and to whom that is shown. The previews themselves have a server of their own."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from backend.api.deps import Caller, Page, Paged, caller
from backend.api.forms import see_other
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.db import reading, transaction
from backend.errors import Conflict, Unauthenticated
from backend.guest.ports import listening
from backend.rules.policy import Action
from backend.rules.previews import ENTER, LONGEST_HOURS, Level, local_path
from backend.services import previews
from backend.services.previews import Entry, PreviewView
from backend.settings import settings

router = routes("/api/containers/{container_id}", "previews")

_ONWARD: dict[int | str, dict[str, Any]] = {
    303: {"description": "On to the preview with a ticket for one visit, or to the log-in page"},
}


class PortOut(BaseModel):
    """A port that something listens on."""

    port: int
    process: str = Field(description="What its program is called; empty where that can't be seen", examples=["python3"])


class LinkOut(BaseModel):
    """A link that holds."""

    id: int
    made_by: str
    expires_at: datetime


class PreviewOut(BaseModel):
    """A port that is shown to others."""

    port: int
    level: Level
    origin: str
    links: list[LinkOut] = Field(description="For who may end them")

    @classmethod
    def of(cls, view: PreviewView) -> "PreviewOut":
        """As a program reads it."""
        links = [LinkOut(id=each.id, made_by=each.made_by, expires_at=each.expires_at) for each in view.links]
        origin = settings().preview_origin(view.label)
        return cls(port=view.port, level=view.level, origin=origin, links=links)


class ShownIn(BaseModel):
    """Who may open a port: those who may use the terminals, or everybody whom the container is shared with."""

    level: Level


class LinkIn(BaseModel):
    """How long a link is to hold."""

    hours: Annotated[int, Field(ge=1, le=LONGEST_HOURS)] = 24


class LinkMadeOut(BaseModel):
    """A new link. Its address is told this once."""

    id: int
    url: str
    expires_at: datetime


@router.get("/ports/", response_model=Page[PortOut], **does(Action.PORT_LIST))
async def list_ports(actor: Caller, container_id: int, paging: Paged) -> dict[str, Any]:
    """What the container's programs listen on now; nothing while it does not run."""
    async with reading() as tx:
        door = await previews.ports(tx, actor, container_id)
    found = await listening(await door.address()) if door.is_running else []
    return paging.cut([PortOut(port=each.port, process=each.process) for each in found])


@router.get("/previews/", response_model=Page[PreviewOut], **does(Action.PREVIEW_LIST))
async def list_previews(actor: Caller, container_id: int, paging: Paged) -> dict[str, Any]:
    """The ports that are shown to others, and the links that hold for who may end them."""
    async with reading() as tx:
        return paging.cut([PreviewOut.of(each) for each in await previews.list_previews(tx, actor, container_id)])


@router.get(
    "/previews/{port}/",
    status_code=303,
    response_class=RedirectResponse,
    responses=_ONWARD,
    **does(Action.PREVIEW_OPEN),
)
async def open_preview(
    request: Request, container_id: int, port: int, path: Annotated[str, Query(max_length=2000)] = "/"
) -> RedirectResponse:
    """On to the port's own origin, with a ticket for one visit. For browsers that are signed in."""
    try:
        actor = await caller(request)
    except Unauthenticated:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return see_other(f"/login?next={quote(request.url.path)}")
    refuse_where_there_are_none()
    async with transaction() as tx:
        entry = await previews.open_preview(tx, actor, container_id, port)
    return see_other(address_of(entry, ticket=entry.secret, path=local_path(path)))


@router.put("/previews/{port}/", status_code=204, **does(Action.PREVIEW_SHOW_TO))
async def show_preview(actor: Caller, container_id: int, port: int, said: ShownIn) -> Response:
    """Say who may open a port."""
    async with transaction() as tx:
        await previews.show_to(tx, actor, container_id, port, said.level)
    return Response(status_code=204)


@router.post("/previews/{port}/links/", status_code=201, **does(Action.PREVIEW_LINK))
async def make_preview_link(actor: Caller, container_id: int, port: int, said: LinkIn) -> LinkMadeOut:
    """Make a link that lets anybody at a port."""
    refuse_where_there_are_none()
    async with transaction() as tx:
        entry, link = await previews.make_link(tx, actor, container_id, port, said.hours)
    return LinkMadeOut(id=link.id, url=address_of(entry, link=entry.secret), expires_at=link.expires_at)


@router.delete("/preview-links/{link_id}/", status_code=204, **does(Action.PREVIEW_UNLINK))
async def end_preview_link(actor: Caller, container_id: int, link_id: int) -> Response:
    """Take a link back; whoever came in by it is out."""
    async with transaction() as tx:
        await previews.end_link(tx, actor, container_id, link_id)
    return Response(status_code=204)


def refuse_where_there_are_none() -> None:
    """Previews can be switched off.

    Raises:
        Conflict: they are.
    """
    if not settings().preview_port:
        raise Conflict("There are no previews here: PREVIEW_PORT is 0.")


def address_of(entry: Entry, **query: str) -> str:
    """Where a browser comes in by it."""
    return f"{settings().preview_origin(entry.label)}{ENTER}?{urlencode(query)}"
