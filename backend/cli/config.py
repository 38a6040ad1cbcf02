"""`config`: what an admin changes while we run."""

import typer

from backend.cli.running import group, run
from backend.db import reading, transaction
from backend.errors import NotFound
from backend.rules.policy import SYSTEM
from backend.services import config
from backend.services.config import ConfigView

app = group("What an admin changes while the server runs.")


@app.command(name="list")
def show() -> None:
    """Every key with its value."""
    for view in _all():
        typer.echo(f"{view.key.name:26} {_said(view):40} {view.key.help}")


@app.command()
def get(name: str) -> None:
    """One key's value. A secret's is not shown."""

    async def work() -> ConfigView:
        for view in await _read():
            if view.key.name == name:
                return view
        raise NotFound(f"The key “{name}”")

    typer.echo(_said(run(work())))


@app.command(name="set")
def put(name: str, value: str) -> None:
    """Set a key; `-` reads the value from standard input, so that a secret stays out of the shell's history."""
    _write(name, typer.get_text_stream("stdin").read().strip() if value == "-" else value)


@app.command()
def reset(name: str) -> None:
    """Put a key's default back."""
    _write(name, None)


def _write(name: str, value: str | None) -> None:
    async def work() -> None:
        async with transaction() as tx:
            await config.set_config(tx, SYSTEM, name, value)

    run(work())
    typer.echo(f"{name} is set. It holds from now on." if value is not None else f"{name} has its default again.")


async def _read() -> list[ConfigView]:
    async with reading() as tx:
        return await config.list_config(tx, SYSTEM)


def _all() -> list[ConfigView]:
    return run(_read())


def _said(view: ConfigView) -> str:
    if view.key.secret:
        return "(set)" if view.is_set else "(not set)"
    return view.value
