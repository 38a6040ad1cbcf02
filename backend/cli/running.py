"""How a command runs: one event loop, one sentence for what can be explained."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

from backend.db import dispose
from backend.errors import PequerokuError

T = TypeVar("T")


def group(help_text: str) -> typer.Typer:
    """A noun with its verbs: `python -m backend.cli <noun> <verb>`."""
    return typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=help_text)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run one command; what we can explain becomes one line and exit status 1."""

    async def whole() -> T:
        try:
            return await work
        finally:
            await dispose()

    try:
        return asyncio.run(whole())
    except PequerokuError as refusal:
        typer.secho(refusal.message, fg="red", err=True)
        sys.exit(1)
