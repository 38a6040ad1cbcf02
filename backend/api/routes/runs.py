"""Running what a container is for: `/app/config.json` says what that is."""

from fastapi import Response
from pydantic import BaseModel, Field

from backend.api.deps import Caller
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.errors import Invalid
from backend.rules.policy import Action
from backend.services import runs

router = routes("/api/containers/{container_id}/run", "run")


class RunOut(BaseModel):
    """What would be run."""

    command: str = Field(description="Empty where there is no /app/config.json, or it can't be used")
    port: int | None = Field(description="Where it is to be seen")
    problem: str = Field(description="Why the file can't be used, as a sentence")
    is_running: bool


class StartedOut(BaseModel):
    """What runs now."""

    command: str
    port: int | None
    terminal: str = Field(description="The id of the terminal that its output is in", examples=["run"])


@router.get("/", **does(Action.RUN_LOOK))
async def read_run(actor: Caller, container_id: int) -> RunOut:
    """What would be run, and whether it runs."""
    try:
        config, is_running = await runs.config_of(actor, container_id)
    except Invalid as refusal:
        return RunOut(command="", port=None, problem=refusal.message, is_running=False)
    command, port = (config.command, config.port) if config else ("", None)
    return RunOut(command=command, port=port, problem="", is_running=is_running)


@router.post("/", **does(Action.RUN_START))
async def start_run(actor: Caller, container_id: int) -> StartedOut:
    """Run it, in place of what ran before."""
    config = await runs.start(actor, container_id)
    return StartedOut(command=config.command, port=config.port, terminal=runs.TERMINAL)


@router.delete("/", status_code=204, **does(Action.RUN_STOP))
async def stop_run(actor: Caller, container_id: int) -> Response:
    """Stop it, with all that it began."""
    await runs.stop(actor, container_id)
    return Response(status_code=204)
