"""Commands for operators: `python -m backend.cli --help`."""

from typing import Annotated

import typer
from alembic import command

from backend.cli import audit, config, nodes, quota, templates, types, users
from backend.cli.running import group, run
from backend.db import transaction
from backend.hypervisor.registry import nodes as hypervisors
from backend.migrations import config as alembic_config
from backend.migrations import migrate as bring_up_to_date
from backend.rules.policy import SYSTEM
from backend.seed import FirstAdmin, seed
from backend.services import identity, resealing
from backend.tasks.plan import Planned, converge, plan

app = group("What operators do from a shell.")
app.add_typer(users.app, name="user")
app.add_typer(audit.app, name="audit")
app.add_typer(config.app, name="config")
app.add_typer(nodes.app, name="node")
app.add_typer(quota.app, name="quota")
app.add_typer(templates.app, name="template")
app.add_typer(types.app, name="type")


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema and put in what a new installation begins with."""

    async def work() -> FirstAdmin | None:
        if await bring_up_to_date():
            typer.echo("The database is up to date.")
        return await seed()

    admin = run(work())
    if admin is not None and admin.generated:
        typer.echo(f"\n  First admin:  {admin.username}\n  Password:     {admin.password}\n")
        typer.echo("  It is shown only this once. Change it on the Account page.\n")


@app.command()
def reseal() -> None:
    """Seal every kept secret with the present SECRET_KEY; SECRET_KEYS_BEFORE has to hold what they are sealed with."""

    async def work() -> int:
        async with transaction() as tx:
            return await resealing.reseal(tx)

    typer.echo(f"{run(work())} secrets were sealed with a former key, and are sealed with the present one now.")


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

    run(work())
    typer.echo(f"“{username}” may now sign in.")


@app.command()
def reconcile(dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done.")] = False) -> None:
    """Bring every container to where it is wished to be, as the server does all the time."""

    async def work() -> list[Planned]:
        try:
            return await (plan() if dry_run else converge())
        finally:
            await hypervisors().close_all()

    left = run(work())
    typer.echo("\n".join(each.text for each in left) or "Everything is as wished.")


@app.command()
def make_migration(message: str) -> None:
    """Write a migration from the difference between the models and the database."""
    command.revision(alembic_config(), message, autogenerate=True)


if __name__ == "__main__":
    app()
