"""`type`: the catalogue of container types."""

from typing import Annotated

import typer

from backend.cli.running import group, run
from backend.db import Tx, reading, transaction
from backend.errors import NotFound
from backend.models import ContainerType
from backend.rules.policy import SYSTEM
from backend.services import types
from backend.services.types import TypeFields

app = group("The sizes that people choose from, and what they cost.")

Idle = Annotated[int | None, typer.Option(help="Minutes without use after which it is stopped; 0: never.")]
Warm = Annotated[int | None, typer.Option(help="How many are kept warm on each node, if it is poolable.")]
Lifetime = Annotated[int | None, typer.Option(help="Hours after which it is deleted; 0: never.")]


@app.command(name="list")
def show() -> None:
    """Every type, cheapest first."""

    async def work() -> list[ContainerType]:
        async with reading() as tx:
            return await types.list_types(tx, SYSTEM)

    for each in run(work()):
        size = f"{each.vcpus} vCPUs, {each.memory_mb} MiB, {each.disk_gib} GiB"
        time = f"  idle stop {each.idle_stop_min} min" if each.idle_stop_min else ""
        time += f"  lifetime {each.lifetime_h} h" if each.lifetime_h else ""
        time += f"  {each.pool_target} kept warm" if each.poolable else ""
        kind = "private" if each.private else "public"
        typer.echo(f"{each.container_type_name:20} {size:32} credits_cost={each.credits_cost:<4} {kind}{time}")


@app.command()
def add(
    name: str, memory_mb: int, vcpus: int, disk_gib: int, credits_cost: int, private: bool = False,
    idle_stop_min: Idle = 0, lifetime_h: Lifetime = 0, poolable: bool = False, pool_target: Warm = 0,
) -> None:  # fmt: skip
    """Add a type. Without --private new quotas allow it; `quota grant --public` gives it to those there are."""

    async def work() -> None:
        async with transaction() as tx:
            await types.create_type(
                tx, SYSTEM, container_type_name=name, memory_mb=memory_mb, vcpus=vcpus, disk_gib=disk_gib,
                credits_cost=credits_cost, private=private, idle_stop_min=idle_stop_min or 0,
                lifetime_h=lifetime_h or 0, poolable=poolable, pool_target=pool_target or 0,
            )  # fmt: skip

    run(work())
    typer.echo(f"Type “{name}” was added.")


@app.command(name="set")
def put(
    name: str,
    memory_mb: int | None = None, vcpus: int | None = None, disk_gib: int | None = None,
    credits_cost: int | None = None, private: bool | None = None, rename: str | None = None,
    idle_stop_min: Idle = None, lifetime_h: Lifetime = None, poolable: bool | None = None,
    pool_target: Warm = None,
) -> None:  # fmt: skip
    """Change a type. Its stopped containers have the new size at once, running ones at their next start."""
    asked = {
        "container_type_name": rename, "memory_mb": memory_mb, "vcpus": vcpus, "disk_gib": disk_gib,
        "credits_cost": credits_cost, "private": private, "idle_stop_min": idle_stop_min, "lifetime_h": lifetime_h,
        "poolable": poolable, "pool_target": pool_target,
    }  # fmt: skip
    changes = TypeFields(**{field: value for field, value in asked.items() if value is not None})  # type: ignore[typeddict-item]

    async def work() -> None:
        async with transaction() as tx:
            await types.update_type(tx, SYSTEM, await type_id(tx, name), **changes)

    run(work())
    typer.echo(f"Type “{name}” was changed.")


@app.command()
def remove(name: str) -> None:
    """Remove a type that no container has."""

    async def work() -> None:
        async with transaction() as tx:
            await types.delete_type(tx, SYSTEM, await type_id(tx, name))

    run(work())
    typer.echo(f"Type “{name}” was removed.")


async def type_id(tx: Tx, name: str) -> int:
    """The id of a type by its name."""
    for each in await types.list_types(tx, SYSTEM):
        if each.container_type_name == name:
            return each.id
    raise NotFound(f"The type “{name}”")
