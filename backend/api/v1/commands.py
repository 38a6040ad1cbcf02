"""Commands in a container, and processes that go on in it."""

import base64
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse

from backend.api.deps import Caller
from backend.api.problems import Code, Problem
from backend.api.routes.exec_commands import while_asked
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.processes import LogOut
from backend.api.v1.bodies import BegunOut, ExecIn, ExecOut, ProcessDetailOut, ProcessOut
from backend.api.v1.listing import Asked, Listed
from backend.guest.processes import LONGEST_READ
from backend.rules.policy import Action
from backend.services import processes

router = routes("/api/v1/containers/{container_id}", "commands")


class LateOut(Problem, ExecOut):
    """A command whose time was over: the refusal, and what it had said until then."""


_ALSO: dict[int | str, dict[str, Any]] = {
    202: {"model": BegunOut, "description": "It goes on in the background."},
    504: {"model": LateOut, "description": "Its time was over: it was ended, with all that it had begun."},
}


@router.post("/exec/", response_model=ExecOut, responses=_ALSO, **does(Action.CONTAINER_SEND_COMMAND))
async def exec_command(request: Request, actor: Caller, container_id: int, said: ExecIn) -> Any:
    """Run a shell command as root, and answer when it is done; or, with `background`, at once with its `process_id`.

    A client that hangs up ends what it was waiting for.
    """
    order = said.order()
    if said.background:
        begun = await processes.start(actor, container_id, order)
        return JSONResponse(BegunOut(process_id=begun.id).model_dump(), 202)
    done = await while_asked(request, actor, processes.run(actor, container_id, order))
    told = ExecOut.of(done)
    if not done.outcome.timed_out:
        return told
    error = {"code": Code.TIMEOUT, "message": processes.timed_out(order).message}
    return JSONResponse({"error": error, **told.model_dump(mode="json")}, 504)


@router.get("/processes/", **does(Action.PROCESS_LOOK))
async def list_processes(actor: Caller, container_id: int, part: Asked) -> Listed[ProcessOut]:
    """What goes on in the background, and what has ended and was not deleted; the newest first."""
    return part.cut([ProcessOut.of(each) for each in await processes.list_processes(actor, container_id)])


@router.get("/processes/{process_id}/", **does(Action.PROCESS_LOOK))
async def get_process(
    actor: Caller,
    container_id: int,
    process_id: str,
    offset: Annotated[int, Query(ge=-(2**31), lt=2**53, description="From this byte on; negative: from the end")] = 0,
    limit: Annotated[int, Query(ge=1, le=LONGEST_READ, description="Bytes of output at most")] = LONGEST_READ,
    wait_s: Annotated[float, Query(ge=0, le=20, description="Wait so long for more output, if there is none")] = 0,
    encoding: Annotated[
        Literal["text", "base64"], Query(description="`base64`: the output's bytes as they are, in Base64")
    ] = "text",
) -> ProcessDetailOut:
    """How it is, and what it has said on both streams."""
    process, piece = await processes.read_process(
        actor, container_id, process_id, offset=offset, limit=limit, wait_s=wait_s
    )
    if encoding == "base64":
        return ProcessDetailOut.with_output(process, piece, base64.b64encode(piece.data).decode(), piece.next_offset)
    said = LogOut.of(piece)
    return ProcessDetailOut.with_output(process, piece, said.data, said.next_offset)


@router.delete("/processes/{process_id}/", status_code=204, **does(Action.PROCESS_STOP))
async def stop_process(actor: Caller, container_id: int, process_id: str) -> Response:
    """Stop a process that runs, with all that it began; forget one that has ended, with what it said."""
    await processes.end_process(actor, container_id, process_id)
    return Response(status_code=204)
