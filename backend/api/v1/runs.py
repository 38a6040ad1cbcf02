"""One-shot runs: a command in a machine of its own, which is gone afterwards."""

from typing import Any

from fastapi import Request, Response

from backend.api.deps import Caller
from backend.api.routes.exec_commands import while_asked
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.v1.listing import Asked, Listed
from backend.api.v1.run_bodies import RunIn, RunOut, RunSummary
from backend.db import reading, transaction
from backend.rules.one_shots import answered_within_s
from backend.rules.policy import Action
from backend.services import one_shots

router = routes("/api/v1/runs", "runs")

_ALSO: dict[int | str, dict[str, Any]] = {
    202: {"model": RunOut, "description": "It is not over yet: ask for it at its address (`Location`)."},
}


@router.post("/", response_model=RunOut, responses=_ALSO, **does(Action.ONE_SHOT_SUBMIT))
async def submit_run(request: Request, actor: Caller, said: RunIn, response: Response) -> RunOut:
    """Run a command in a throwaway machine, and answer when it is over; or, with `async`, at once.

    A client that hangs up does not end it: `DELETE` does.
    """
    async with transaction() as tx:
        run = await one_shots.submit(tx, actor, said.order())
    if not said.is_async:
        within_s = answered_within_s(said.timeout_seconds)
        run = await while_asked(request, actor, one_shots.wait_for(actor, run.id, within_s=within_s))
    response.headers["Location"] = f"/api/v1/runs/{run.id}/"
    response.status_code = 200 if run.is_over else 202
    return RunOut.of(run)


@router.get("/", **does(Action.ONE_SHOT_LIST))
async def list_runs(actor: Caller, part: Asked) -> Listed[RunSummary]:
    """Your runs, newest first, without what they said."""
    async with reading() as tx:
        count, found = await one_shots.list_runs(tx, actor, offset=part.offset, limit=part.limit)
    return part.listed(count, [RunSummary.of(each) for each in found])


@router.get("/{run_id}/", **does(Action.ONE_SHOT_READ))
async def get_run(actor: Caller, run_id: int) -> RunOut:
    """One run, with what it said."""
    async with reading() as tx:
        return RunOut.of(await one_shots.get_run(tx, actor, run_id))


@router.delete("/{run_id}/", status_code=204, **does(Action.ONE_SHOT_CANCEL))
async def cancel_run(actor: Caller, run_id: int) -> Response:
    """End it, and have its machine removed. One that is over stays as it is; asking twice is asking once."""
    async with transaction() as tx:
        await one_shots.cancel(tx, actor, run_id)
    return Response(status_code=204)
