"""`quota`: what each user may run and keep."""

from typing import Annotated

import typer

from backend.cli.running import group, run
from backend.cli.types import type_id
from backend.db import reading, transaction
from backend.errors import Invalid
from backend.rules.policy import SYSTEM
from backend.services import quotas
from backend.services.views import QuotaView

app = group("What each user may run at once, and keep.")


@app.command()
def show(username: str) -> None:
    """Credits used and left, and for each type whether it could be created now."""

    async def work() -> QuotaView:
        async with reading() as tx:
            return await quotas.look_up(tx, SYSTEM, username)

    view = run(work())
    typer.echo(f"credits          {view.credits}, {view.used} used, {view.credits - view.used} left")
    typer.echo(f"ai_use_per_day   {view.ai_use_per_day}")
    typer.echo(f"max_containers   {view.max_containers}")
    typer.echo(f"active           {'yes' if view.active else 'no'}")
    for name, why_not in view.types.items():
        typer.echo(f"  {name:20} {why_not or 'can be created'}")


@app.command(name="set")
def put(
    username: str,
    credits: Annotated[int | None, typer.Option()] = None,  # noqa: A002 - the field's name
    ai_use_per_day: Annotated[int | None, typer.Option()] = None,
    max_containers: Annotated[int | None, typer.Option()] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive")] = None,
) -> None:
    """Change a quota. --inactive stops all that its user runs."""

    async def work() -> None:
        async with transaction() as tx:
            quota = await quotas.look_up(tx, SYSTEM, username)
            await quotas.update_quota(
                tx, SYSTEM, quota.id, credits=credits, ai_use_per_day=ai_use_per_day,
                max_containers=max_containers, active=active,
            )  # fmt: skip

    run(work())
    typer.echo(f"The quota of “{username}” was changed.")


@app.command()
def grant(
    username: Annotated[str, typer.Argument()] = "",
    type_name: Annotated[str, typer.Argument()] = "",
    public: Annotated[bool, typer.Option("--public", help="Every public type, to this user or to everybody.")] = False,
) -> None:
    """Let a user choose a type: `grant alice gpu-small`. Or public types: `grant --public`, `grant alice --public`."""

    async def work() -> int:
        if public:
            async with transaction() as tx:
                ids = [(await quotas.look_up(tx, SYSTEM, username)).id] if username else None
                return await quotas.grant_public_types(tx, SYSTEM, ids)
        return await _allow(username, type_name, allowed=True)

    typer.echo(f"{run(work())} granted.")


@app.command()
def revoke(username: str, type_name: str) -> None:
    """Let a user choose a type no more. What they have of it stays."""
    typer.echo(f"{run(_allow(username, type_name, allowed=False))} revoked.")


async def _allow(username: str, type_name: str, *, allowed: bool) -> int:
    if not (username and type_name):
        raise Invalid("Name a user and a type, or give --public.")
    async with transaction() as tx:
        user_id = (await quotas.look_up(tx, SYSTEM, username)).user_id
        await quotas.locked_quota(tx, user_id)
        quota = await quotas.look_up(tx, SYSTEM, username)
        before, wanted = set(quota.allowed_type_ids), {await type_id(tx, type_name)}
        after = before | wanted if allowed else before - wanted
        await quotas.update_quota(tx, SYSTEM, quota.id, allowed_type_ids=sorted(after))
        return len(before ^ after)
