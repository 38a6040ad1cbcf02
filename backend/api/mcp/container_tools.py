"""Tools for machines that stay: getting one, working in it, showing what it serves, and giving it back."""

from datetime import datetime
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from backend.api.mcp.calling import actor_of, refusing, until_running
from backend.api.routes.previews import address_of, refuse_where_there_are_none
from backend.api.schemas.processes import LogOut
from backend.api.v1.bodies import ContainerOut, ExecOut, ProcessDetailOut
from backend.db import reading, transaction
from backend.rules import names
from backend.rules.commands import MAX_TIMEOUT_S
from backend.rules.previews import LONGEST_HOURS
from backend.services import containers, previews, processes, quotas
from backend.services.container_search import Search
from backend.services.processes import Order
from backend.settings import settings

_LISTED = 100
_LOG_BYTES = 64 * 1024
_Id = Annotated[int, Field(ge=1, description="The container's id")]


class ExecResult(BaseModel):
    """What a command said; or, in the background, the id to ask process_status for."""

    process_id: str | None = None
    done: ExecOut | None = None
    timed_out: bool = False


class PreviewResult(BaseModel):
    """Where a port can be opened, and until when. `public`: anybody who has the address can."""

    url: str
    public: bool
    expires_at: datetime | None


class Destroyed(BaseModel):
    """It is on its way out."""

    id: int
    name: str


async def list_containers(context: Context[Any, Any]) -> list[ContainerOut]:
    """Your machines and those shared with you, newest first (100 at most), with their status."""
    with refusing():
        async with reading() as tx:
            found = await containers.list_visible(tx, actor_of(context), limit=_LISTED, with_credits=False)
        return [ContainerOut.of(each) for each in found]


async def get_or_create_container(
    context: Context[Any, Any],
    name: Annotated[str, Field(min_length=1, max_length=63, description="Letters, digits and -; yours alone")],
    type: Annotated[str, Field(description="For a new one: a type's name; empty: the cheapest")] = "",  # noqa: A002
) -> ContainerOut:
    """The machine of that name, running: it is made if there is none, and started if it was stopped.

    Tells of its progress while it boots. Use one name for one piece of work: files and packages stay.
    """
    actor = actor_of(context)
    with refusing():
        name = names.container_name(name)
        async with transaction() as tx:
            mine = await containers.list_visible(tx, actor, Search(owner="me", text=name), with_credits=False)
            view = next((each for each in mine if each.name == name), None)
            if view is None:
                kind = type or quotas.cheapest(await quotas.my_types(tx, actor)).name
                view = await containers.create(tx, actor, container_type=kind, name=name)
            elif view.desired_state != "running" or view.status == "error":
                view = await containers.power_on(tx, actor, view.id)
        return ContainerOut.of(await until_running(context, actor, view.id))


async def container_exec(
    context: Context[Any, Any],
    container_id: _Id,
    command: Annotated[str, Field(description="A shell command, run as root")],
    cwd: Annotated[str, Field(description="The folder to run it in")] = "/app",
    timeout: Annotated[float, Field(ge=1, le=MAX_TIMEOUT_S, description="Seconds; it is ended after so long")] = 60,
    background: Annotated[bool, Field(description="Answer at once, let it go on: for servers and long jobs")] = False,
) -> ExecResult:
    """Run a shell command in a running machine. Give `background` for anything that does not end by itself."""
    actor, order = actor_of(context), Order(command, cwd=cwd, timeout_s=timeout)
    with refusing():
        if background:
            return ExecResult(process_id=(await processes.start(actor, container_id, order)).id)
        done = await processes.run(actor, container_id, order)
        return ExecResult(done=ExecOut.of(done), timed_out=done.outcome.timed_out)


async def process_status(
    context: Context[Any, Any],
    container_id: _Id,
    process_id: Annotated[str, Field(description="As container_exec gave it")],
    offset: Annotated[
        int, Field(ge=-(2**31), lt=2**53, description="From this byte of its output on; negative: from the end")
    ] = -4096,
    wait_s: Annotated[float, Field(ge=0, le=20, description="Wait so long for more output, if there is none")] = 0,
) -> ProcessDetailOut:
    """Whether a background command still runs, how it ended, and what it has said."""
    actor = actor_of(context)
    with refusing():
        process, piece = await processes.read_process(
            actor, container_id, process_id, offset=offset, limit=_LOG_BYTES, wait_s=wait_s
        )
        said = LogOut.of(piece)
        return ProcessDetailOut.with_output(process, piece, said.data, said.next_offset)


async def get_preview(
    context: Context[Any, Any],
    container_id: _Id,
    port: Annotated[int, Field(ge=1, le=65535, description="What a program in the machine listens on")],
    public: Annotated[bool, Field(description="Make a link that anybody can open (a key of scope admin)")] = False,
    hours: Annotated[int, Field(ge=1, le=LONGEST_HOURS, description="How long a public link holds")] = 24,
) -> PreviewResult:
    """An address at which a browser sees what the machine serves on a port."""
    actor = actor_of(context)
    with refusing():
        refuse_where_there_are_none()
        if not public:
            async with reading() as tx:
                await previews.ports(tx, actor, container_id)
            return PreviewResult(url=_inside(container_id, port), public=False, expires_at=None)
        async with transaction() as tx:
            entry, link = await previews.make_link(tx, actor, container_id, port, hours)
        return PreviewResult(url=address_of(entry, link=entry.secret), public=True, expires_at=link.expires_at)


async def destroy_container(
    context: Context[Any, Any],
    container_id: _Id,
    confirm: Annotated[bool, Field(description="Your person agreed that the machine and its disk go for good")],
) -> Destroyed:
    """Delete a machine with its disk. It can't be taken back."""
    if not confirm:
        raise ToolError("Nothing was deleted. Ask your person, and call this again with confirm=true.")
    with refusing():
        async with transaction() as tx:
            view = await containers.delete(tx, actor_of(context), container_id)
    return Destroyed(id=view.id, name=view.name)


def _inside(container_id: int, port: int) -> str:
    return f"{settings().dashboard}/api/containers/{container_id}/previews/{port}/"


def add_to(server: MCPServer[Any]) -> None:
    """Offer these."""
    looks = ToolAnnotations(read_only_hint=True)
    server.add_tool(list_containers, annotations=looks)
    server.add_tool(get_or_create_container, annotations=ToolAnnotations(destructive_hint=False, idempotent_hint=True))
    server.add_tool(container_exec, annotations=ToolAnnotations(destructive_hint=True, open_world_hint=True))
    server.add_tool(process_status, annotations=looks)
    server.add_tool(get_preview, annotations=ToolAnnotations(destructive_hint=False))
    server.add_tool(destroy_container, annotations=ToolAnnotations(destructive_hint=True, idempotent_hint=True))
