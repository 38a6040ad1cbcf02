"""Tools for code that is run once."""

from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations
from pydantic import Field

from backend.api.mcp.calling import actor_of, refusing
from backend.api.v1.bodies import TypeOut
from backend.api.v1.file_bodies import FileIn, files_in
from backend.api.v1.run_bodies import RunOut
from backend.db import reading, transaction
from backend.rules.commands import MAX_TIMEOUT_S
from backend.rules.one_shots import answered_within_s
from backend.services import one_shots, quotas
from backend.services.one_shots import RunOrder


async def list_types(context: Context[Any, Any]) -> list[TypeOut]:
    """The sizes of machine that you may have, cheapest first: memory, processors, disk, and credits while they run."""
    with refusing():
        async with reading() as tx:
            return [TypeOut.of(each) for each in await quotas.my_types(tx, actor_of(context))]


async def run_code(
    context: Context[Any, Any],
    command: Annotated[str, Field(description="A shell command, run as root in /app")],
    files: Annotated[list[FileIn] | None, Field(description="Files that are put into /app before")] = None,
    type: Annotated[str, Field(description="A type's name; empty: the cheapest")] = "",  # noqa: A002 - the API's word
    timeout_seconds: Annotated[int, Field(ge=1, le=MAX_TIMEOUT_S, description="The command may take so long")] = 60,
) -> RunOut:
    """Run a command once, in a fresh machine of its own that is removed afterwards, whatever happens.

    `status` is `succeeded` where the command exits with 0, else `failed` or `timed_out`. Nothing is kept: for work that
    goes on use get_or_create_container.
    """
    actor = actor_of(context)
    with refusing():
        order = RunOrder(command, files_in(files or []), type, timeout_seconds)
        async with transaction() as tx:
            run = await one_shots.submit(tx, actor, order)
        await context.report_progress(0, 1, "A machine is being made")
        return RunOut.of(await one_shots.wait_for(actor, run.id, within_s=answered_within_s(timeout_seconds)))


def add_to(server: MCPServer[Any]) -> None:
    """Offer these."""
    server.add_tool(list_types, annotations=ToolAnnotations(read_only_hint=True))
    server.add_tool(run_code, annotations=ToolAnnotations(destructive_hint=False, open_world_hint=True))
