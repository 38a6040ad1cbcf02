"""Who calls a tool, and how a refusal reaches the model: as a sentence it can act on."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from starlette.requests import Request

from backend.db import reading
from backend.errors import PequerokuError
from backend.rules.lifecycle import Status
from backend.rules.policy import Actor
from backend.services import containers
from backend.services.views import ContainerView

BOOT_S = 180.0
_LOOK_EVERY_S = 0.25
_STEPS = ("placing", "disk", "booting", "guest")


def actor_of(context: Context[Any, Any]) -> Actor:
    """Whose key came with the request: the door has asked for it."""
    request = cast("Request[Any] | None", context.request_context.request)
    caller: object = getattr(request.state, "caller", None) if request else None
    if not isinstance(caller, Actor):
        raise TypeError("a tool was called by something else than a request with a key")
    return caller


@contextmanager
def refusing() -> Generator[None]:
    """Refusals of ours become the tool's error, word by word; anything else is a bug, and is logged."""
    try:
        yield
    except PequerokuError as refusal:
        raise ToolError(refusal.message) from refusal


async def until_running(context: Context[Any, Any], actor: Actor, container_id: int) -> ContainerView:
    """Wait until the container runs, and tell of each phase.

    Raises:
        ToolError: it does not, or not within three minutes.
        NotFound: it went meanwhile.
    """
    done = 0
    try:
        async with asyncio.timeout(BOOT_S):
            while True:
                async with reading() as tx:
                    view = await containers.get(tx, actor, container_id)
                if view.activity == "running":
                    return view
                if view.activity == "deleting":
                    raise ToolError(f"“{view.name}” is being deleted. Ask again when it is gone.")
                if view.desired_state != "running":
                    raise ToolError(f"“{view.name}” was stopped meanwhile. Call this again to start it.")
                if view.status == Status.ERROR:
                    raise ToolError(f"“{view.name}” did not start: {view.reason or 'nothing is known about why'}")
                step = _STEPS.index(view.phase) + 1 if view.phase in _STEPS else 0
                if step > done:
                    done = step
                    await context.report_progress(done, len(_STEPS) + 1, f"{view.name}: {view.phase}")
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError as late:
        raise ToolError(f"It did not start within {BOOT_S:.0f} s. Look at it with list_containers.") from late
