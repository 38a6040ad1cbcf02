"""`node`: the hosts."""

import sys
from typing import Annotated

import typer

from backend.cli.running import group, run
from backend.db import Tx, reading, transaction
from backend.errors import NotFound
from backend.hypervisor.connection_check import Examined
from backend.node_check import check_connection
from backend.rules.policy import SYSTEM
from backend.services import nodes
from backend.services.node_views import NodeView

app = group("Hosts that run the machines.")

Blocked = Annotated[
    list[str] | None, typer.Option(help="Its own public addresses, which its guests must not reach. Repeatable.")
]


@app.command()
def add(name: str, uri: str, blocked: Blocked = None) -> None:
    """Add a host by its libvirt URI."""

    async def work() -> None:
        async with transaction() as tx:
            await nodes.create_node(tx, SYSTEM, name=name, uri=uri, blocked_cidrs=blocked)

    run(work())
    typer.echo(f"Node “{name}” was added. `python -m backend.cli node list` shows when it is healthy.")


@app.command(name="set")
def change(
    name: str, new_name: Annotated[str | None, typer.Option("--name")] = None, uri: str | None = None,
    blocked: Blocked = None,
) -> None:  # fmt: skip
    """Change a host's name, its URI, or (all of) its blocked addresses."""

    async def work() -> None:
        async with transaction() as tx:
            node = await _named(tx, name)
            await nodes.update_node(tx, SYSTEM, node.id, name=new_name, uri=uri, blocked_cidrs=blocked)

    run(work())
    typer.echo(f"Node “{new_name or name}” was changed.")


@app.command()
def remove(name: str) -> None:
    """Forget a node that holds no container."""

    async def work() -> None:
        async with transaction() as tx:
            await nodes.delete_node(tx, SYSTEM, (await _named(tx, name)).id)

    run(work())
    typer.echo(f"Node “{name}” was forgotten.")


@app.command()
def drain(name: str) -> None:
    """Empty a node: its containers move to others, and nothing new is placed there."""

    async def work() -> None:
        async with transaction() as tx:
            await nodes.drain_node(tx, SYSTEM, (await _named(tx, name)).id)

    run(work())
    typer.echo(f"Node “{name}” is being emptied. `python -m backend.cli node list` shows what is left.")


@app.command()
def undrain(name: str) -> None:
    """Let containers be placed on the node again; moves that have not begun are called off."""

    async def work() -> None:
        async with transaction() as tx:
            await nodes.undrain_node(tx, SYSTEM, (await _named(tx, name)).id)

    run(work())
    typer.echo(f"Node “{name}” takes containers again.")


@app.command()
def check(uri: Annotated[str, typer.Argument(help="A libvirt URI, or the name of a node.")]) -> None:
    """Try to connect, and say what is wrong."""

    async def work() -> Examined:
        async with reading() as tx:
            known = {node.name: node for node in await nodes.list_nodes(tx, SYSTEM)}
        node = known.get(uri)
        return await check_connection(SYSTEM, node.uri if node else uri, node_id=node.id if node else None)

    found = run(work())
    if found.trouble:
        typer.secho(found.trouble, fg="red", err=True)
        sys.exit(1)
    kvm = "with KVM" if found.kvm_advertised else "without KVM"
    typer.echo(f"It answers: {found.arch}, {found.cpus} CPUs, {found.mem_mb} MiB, {kvm}.")


@app.command(name="list")
def show() -> None:
    """Each node: health, size, use, and what stands there that nobody accounts for."""

    async def work() -> list[NodeView]:
        async with reading() as tx:
            return await nodes.list_nodes(tx, SYSTEM)

    for node in run(work()):
        state = "healthy" if node.healthy else f"NOT HEALTHY: {node.reason}"
        if node.draining:
            state += f", being emptied: {node.containers} left"
        size = f"{node.capacity.vcpus} vCPUs, {node.capacity.memory_mb} MiB ({node.free.memory_mb} free)"
        typer.echo(f"{node.name:16} {node.uri:40} {size}, {node.acceleration or 'not probed'}  {state}")
        for orphan in node.orphans:
            typer.echo(f"{'':16} orphan: {orphan}")


async def _named(tx: Tx, name: str) -> NodeView:
    for node in await nodes.list_nodes(tx, SYSTEM):
        if node.name == name:
            return node
    raise NotFound(f"The node “{name}”")
