"""`user`: the people."""

from typing import Annotated

import typer

from backend.cli.running import group, run
from backend.db import Tx, reading, transaction
from backend.errors import NotFound
from backend.rules.policy import SYSTEM
from backend.services import farewell, invitations, users

app = group("The people who may come in.")


@app.command(name="list")
def show(search: str = "") -> None:
    """Everybody, or whose name or address has SEARCH in it."""

    async def work() -> None:
        async with reading() as tx:
            for each in await users.list_users(tx, SYSTEM, search):
                typer.echo(f"{each.username:24} {each.email:32} {_state(each)}")

    run(work())


@app.command()
def disable(username: str) -> None:
    """Keep somebody out, at once. Their containers go on."""
    _set_active(username, False)
    typer.echo(f"“{username}” may not come in any more.")


@app.command()
def enable(username: str) -> None:
    """Let somebody in again."""
    _set_active(username, True)
    typer.echo(f"“{username}” may come in again.")


@app.command()
def reset_password(
    username: str,
    second_factor: Annotated[bool, typer.Option("--second-factor", help="Take the second factor away, too.")] = False,
) -> None:
    """Give somebody a password that they have to change at once. All their sessions end."""

    async def work() -> str:
        async with transaction() as tx:
            user_id = await _id_of(tx, username)
            return await users.reset_password(tx, SYSTEM, user_id, and_second_factor=second_factor)

    typer.echo(f"The new password of “{username}”, shown only this once:  {run(work())}")


@app.command()
def delete(username: str, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete an account with all that is its own. There is no way back."""
    if not yes:
        typer.confirm(f"Delete “{username}”, with every container and its disk?", abort=True)

    async def work() -> None:
        async with transaction() as tx:
            await farewell.delete_user(tx, SYSTEM, await _id_of(tx, username))

    run(work())
    typer.echo(f"“{username}” is out, and gone as soon as the last container is.")


@app.command()
def invite(email: Annotated[str, typer.Argument()] = "") -> None:
    """Make a link that lets its holder make an account, once, within seven days; mail it, if EMAIL is given."""

    async def work() -> str:
        async with transaction() as tx:
            made = await invitations.invite(tx, SYSTEM, email=email)
        return ("Sent. " if await invitations.deliver(made) else "") + f"The link, shown only this once:  {made.link}"

    typer.echo(run(work()))


def _set_active(username: str, active: bool) -> None:
    async def work() -> None:
        async with transaction() as tx:
            await users.set_user_active(tx, SYSTEM, await _id_of(tx, username), active)

    run(work())


async def _id_of(tx: Tx, username: str) -> int:
    for each in await users.list_users(tx, SYSTEM, username):
        if each.username.lower() == username.lower():
            return each.id
    raise NotFound(f"The user “{username}”")


def _state(view: users.UserView) -> str:
    said = ["administrator"] if view.is_superuser else []
    said += ["being deleted"] if view.delete_requested_at else ["disabled"] if not view.is_active else []
    said += ["second factor"] if view.has_second_factor else []
    return ", ".join(said)
