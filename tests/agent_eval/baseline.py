"""A provider that knows the answers: what any model is measured against, and proof that each chore can be done."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from backend.ai.provider import Model
from tests.agent_eval.chore import all_chores
from tests.model_server import Reply, model_server, says


@asynccontextmanager
async def baseline() -> AsyncGenerator[Model]:
    """Serve it on the loopback."""
    async with model_server() as server:
        server.decide = _next_step
        yield Model(server.url, "sk-none", "baseline")


def _next_step(question: dict[str, Any]) -> Reply:
    """The step of the script that the conversation has come to."""
    told = question["messages"]
    last = max(number for number, each in enumerate(told) if each["role"] == "user")
    steps = sum(each["role"] == "assistant" for each in told[last:])
    scripts = (each.script for each in all_chores().values() if each.question == told[last]["content"])
    script = next(scripts, ())
    return script[steps] if steps < len(script) else says("I have nothing more to say.")
