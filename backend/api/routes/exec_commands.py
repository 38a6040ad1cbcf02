"""Commands in a container, and processes that go on in it."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse

from backend.api.again import HEADER
from backend.api.deps import Caller, Page, Paged
from backend.api.problems import Code
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.processes import CommandIn, DoneOut, LateOut, LogOut, ProcessOut
from backend.api.ws.seat import Seats
from backend.errors import Conflict
from backend.guest.processes import LONGEST_READ
from backend.rules.policy import Action, Actor
from backend.services import processes

router = routes("/api/containers/{container_id}", "commands")

T = TypeVar("T")
_WAITING = Seats(100, "requests that wait for a machine")
_ALSO: dict[int | str, dict[str, Any]] = {
    202: {"model": ProcessOut, "description": "It goes on in the background."},
    504: {"model": LateOut, "description": "Its time was over: it was ended, with all that it had begun."},
}


@router.post("/exec_command/", response_model=DoneOut, responses=_ALSO, **does(Action.CONTAINER_SEND_COMMAND))
async def exec_command(request: Request, actor: Caller, container_id: int, said: CommandIn) -> Any:
    """Run a shell command as root, and answer when it is done; or, with `background`, at once.

    A client that hangs up ends what it was waiting for.
    """
    if said.background:
        begun = await processes.start(actor, container_id, said.order())
        return JSONResponse(ProcessOut.of(begun).model_dump(mode="json"), 202)
    order = said.order()
    done = DoneOut.of(await while_asked(request, actor, processes.run(actor, container_id, order)))
    if not done.timed_out:
        return done
    error = {"code": Code.TIMEOUT, "message": processes.timed_out(order).message}
    return JSONResponse({"error": error, **done.model_dump(mode="json")}, 504)


@router.get("/processes/", response_model=Page[ProcessOut], **does(Action.PROCESS_LOOK))
async def list_processes(actor: Caller, container_id: int, paging: Paged) -> dict[str, Any]:
    """What goes on in the background, and what has ended and was not deleted; the newest first."""
    found = await processes.list_processes(actor, container_id)
    return paging.cut([ProcessOut.of(each) for each in found])


@router.get("/processes/{process_id}/", response_model=ProcessOut, **does(Action.PROCESS_LOOK))
async def get_process(actor: Caller, container_id: int, process_id: str) -> ProcessOut:
    """One of them."""
    return ProcessOut.of(await processes.get_process(actor, container_id, process_id))


@router.get("/processes/{process_id}/log/", response_model=LogOut, **does(Action.PROCESS_LOOK))
async def read_process_log(
    actor: Caller,
    container_id: int,
    process_id: str,
    offset: Annotated[int, Query(ge=-(2**31), lt=2**53, description="From this byte on; negative: from the end")] = 0,
    limit: Annotated[int, Query(ge=1, le=LONGEST_READ, description="Bytes at most")] = LONGEST_READ,
    wait_s: Annotated[float, Query(ge=0, le=20, description="Wait so long for more, if there is none")] = 0,
) -> LogOut:
    """What it has said, on both streams."""
    piece = await processes.read_log(actor, container_id, process_id, offset=offset, limit=limit, wait_s=wait_s)
    return LogOut.of(piece)


@router.delete("/processes/{process_id}/", status_code=204, **does(Action.PROCESS_STOP))
async def stop_process(actor: Caller, container_id: int, process_id: str) -> Response:
    """Stop a process that runs, with all that it began; forget one that has ended, with what it said."""
    await processes.end_process(actor, container_id, process_id)
    return Response(status_code=204)


async def while_asked(request: Request, actor: Actor, work: Coroutine[Any, Any, T]) -> T:
    """Do the work for as long as somebody waits for it; to its end where they may ask for the answer again.

    Raises:
        Conflict: nobody waits any more; or they wait for too much already.
    """
    try:
        with _WAITING.one_more(actor):
            return await (work if HEADER in request.headers else _until_they_leave(request, work))
    finally:
        work.close()


async def _until_they_leave(request: Request, work: Coroutine[Any, Any, T]) -> T:
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_hangs_up(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Conflict("Nobody waited for it any more. It was ended.")
        return await working
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _hangs_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
