"""`node`: the hosts."""

from typing import Annotated

import typer

from backend.cli.running import group, run
from backend.db import reading, transaction
from backend.rules.policy import SYSTEM
from backend.services import nodes

app = group("Hosts that run the machines.")


@app.command()
def add(name: str, uri: str, blocked: Annotated[list[str] | None, typer.Option()] = None) -> None:
    """Add a host by its libvirt URI. --blocked: its own public addresses, which its guests must not reach."""

    async def work() -> None:
        async with transaction() as tx:
            await nodes.create_node(tx, SYSTEM, name=name, uri=uri, blocked_cidrs=blocked)

    run(work())
    typer.echo(f"Node “{name}” was added. `python -m backend.cli node list` shows when it is healthy.")


@app.command()
def remove(name: str) -> None:
    """Forget a node that holds no container."""

    async def work() -> None:
        async with transaction() as tx:
            await nodes.delete_node(tx, SYSTEM, name)

    run(work())
    typer.echo(f"Node “{name}” was forgotten.")


@app.command(name="list")
def show() -> None:
    """Each node: health, size, acceleration, and what stands there that nobody accounts for."""

    async def work() -> None:
        async with reading() as tx:
            for node in await nodes.list_nodes(tx, SYSTEM):
                state = "healthy" if node.healthy else f"NOT HEALTHY: {node.reason}"
                size = f"{node.capacity_vcpus} vCPUs, {node.capacity_mem_mb} MiB, {node.acceleration or 'not probed'}"
                typer.echo(f"{node.name:16} {node.uri:40} {size}  {state}")
                for orphan in node.orphans:
                    typer.echo(f"{'':16} orphan: {orphan}")

    run(work())
