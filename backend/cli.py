"""Commands for operators: `python -m backend.cli --help`."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
from alembic import command

from backend.db import dispose, reading, transaction
from backend.errors import PequerokuError
from backend.hypervisor.registry import nodes as hypervisors
from backend.migrations import config
from backend.migrations import migrate as bring_up_to_date
from backend.rules.policy import SYSTEM
from backend.seed import FirstAdmin, seed
from backend.services import identity, nodes
from backend.tasks.plan import Planned, converge, plan

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
T = TypeVar("T")


def _run(work: Coroutine[Any, Any, T]) -> T:
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


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema and put in what a new installation begins with."""

    async def work() -> FirstAdmin | None:
        if await bring_up_to_date():
            typer.echo("The database is up to date.")
        return await seed()

    admin = _run(work())
    if admin is not None and admin.generated:
        typer.echo(f"\n  First admin:  {admin.username}\n  Password:     {admin.password}\n")
        typer.echo("  It is shown only this once. Change it on the Account page.\n")


Password = Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)]


@app.command()
def createsuperuser(username: str, password: Password, email: str = "") -> None:
    """Make an administrator."""
    _make_user(username, password, email, is_superuser=True)


@app.command()
def createuser(username: str, password: Password, email: str = "") -> None:
    """Make a user with the default quota."""
    _make_user(username, password, email, is_superuser=False)


def _make_user(username: str, password: str, email: str, *, is_superuser: bool) -> None:
    async def work() -> None:
        async with transaction() as tx:
            await identity.create_user(
                tx, SYSTEM, username=username, password=password, email=email, is_superuser=is_superuser
            )

    _run(work())
    typer.echo(f"“{username}” may now sign in.")


@app.command()
def create_node(name: str, uri: str, blocked: Annotated[list[str] | None, typer.Option()] = None) -> None:
    """Add a host by its libvirt URI. --blocked: its own public addresses, which its guests must not reach."""

    async def work() -> None:
        async with transaction() as tx:
            await nodes.create_node(tx, SYSTEM, name=name, uri=uri, blocked_cidrs=blocked)

    _run(work())
    typer.echo(f"Node “{name}” was added. `python -m backend.cli nodes` shows when it is healthy.")


@app.command()
def delete_node(name: str) -> None:
    """Forget a node that holds no container."""

    async def work() -> None:
        async with transaction() as tx:
            await nodes.delete_node(tx, SYSTEM, name)

    _run(work())
    typer.echo(f"Node “{name}” was forgotten.")


@app.command(name="nodes")
def show_nodes() -> None:
    """List the nodes: health, size, acceleration, and what stands there that nobody accounts for."""

    async def work() -> None:
        async with reading() as tx:
            for node in await nodes.list_nodes(tx, SYSTEM):
                state = "healthy" if node.healthy else f"NOT HEALTHY: {node.reason}"
                size = f"{node.capacity_vcpus} vCPUs, {node.capacity_mem_mb} MiB, {node.acceleration or 'not probed'}"
                typer.echo(f"{node.name:16} {node.uri:40} {size}  {state}")
                for orphan in node.orphans:
                    typer.echo(f"{'':16} orphan: {orphan}")

    _run(work())


@app.command()
def reconcile(dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done.")] = False) -> None:
    """Bring every container to where it is wished to be, as the server does all the time."""

    async def work() -> list[Planned]:
        try:
            return await (plan() if dry_run else converge())
        finally:
            await hypervisors().close_all()

    left = _run(work())
    typer.echo("\n".join(each.text for each in left) or "Everything is as wished.")


@app.command()
def make_migration(message: str) -> None:
    """Write a migration from the difference between the models and the database."""
    command.revision(config(), message, autogenerate=True)


if __name__ == "__main__":
    app()
