"""A warm machine: from asking for one to what its first command answers; and many who ask at once."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from sqlmodel import col, select, update

from backend.db import reading, transaction
from backend.migrations import migrate
from backend.models import Container, ContainerType, Node, ResourceQuota, Status, User
from backend.models.base import now
from backend.rules.policy import Actor
from backend.seed import seed
from backend.services import containers, keys, pool
from tests import stores
from tests.bench.report import Figure, spread
from tests.conftest import in_use
from tests.e2e import people, served
from tests.factories import a_type, a_world
from tests.machines import built_image, private_node
from tests.stores import eventually

_ROUNDS = 7
_POOL, _CLAIMS = 10, 100
_PAUSE_S, _RESTED_S = 0.005, 20.0


async def measure() -> list[Figure]:
    """Real machines under emulation; the many on PostgreSQL, of machines that are rows alone."""
    return await _first_commands() + await _claims()


async def _first_commands() -> list[Figure]:
    async with warm_server() as (url, key):
        return await _asked(url, key)


@asynccontextmanager
async def warm_server() -> AsyncGenerator[tuple[str, str]]:
    """A server whose real machines of the smallest size are kept warm, and somebody's key."""
    image = built_image()
    with private_node() as node, tempfile.TemporaryDirectory() as home:
        where = {"LOCAL_NODE_URI": node.uri, "IMAGE_DIR": str(image.base.parent), "NODE_ACCELERATION": "tcg"}
        with served.serve(Path(home), {**where, "API_RATE": "0"}) as server:
            async with in_use(f"sqlite:///{home}/pequeroku.sqlite3"):
                async with transaction() as tx:
                    await tx.exec(update(ContainerType).values(poolable=True, pool_target=1))
                    await tx.exec(update(ContainerType).where(_is_not("small")).values(poolable=False))
                    name = people.name_of(0)
                    user_id = (await tx.exec(select(User.id).where(User.username == name))).one()
                    key = (await keys.create_key(tx, Actor(user_id, name), name="bench", scope="exec"))[1]
                yield server.url, key


def _is_not(name: str) -> object:
    return col(ContainerType.container_type_name) != name


async def _asked(url: str, key: str) -> list[Figure]:
    whole_ms: list[float] = []
    parts: dict[str, list[float]] = {"created": [], "running": [], "first command": []}
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=f"{url}/api", headers=headers, timeout=120) as program:
        for _ in range(_ROUNDS):
            await eventually("a warm machine", is_warm, seconds=180)
            at = [time.perf_counter()]
            made = (await program.post("/containers/", json={"container_type": "small"})).json()
            at.append(time.perf_counter())
            here = f"/containers/{made['id']}/"
            await eventually("it to run", lambda here=here: _runs(program, here), pause_s=_PAUSE_S)
            at.append(time.perf_counter())
            (await program.post(f"{here}exec_command/", json={"command": "true"})).raise_for_status()
            at.append(time.perf_counter())
            whole_ms.append((at[-1] - at[0]) * 1000)
            for number, taken_ms in enumerate(parts.values()):
                taken_ms.append((at[number + 1] - at[number]) * 1000)
            (await program.delete(here)).raise_for_status()
    detail = spread(whole_ms) | {f"{name} p50": round(statistics.median(each)) for name, each in parts.items()}
    p50 = statistics.median(whole_ms)
    return [Figure("create → exec answered, of a warm machine, p50", p50, "ms", _ROUNDS, 400, detail=detail)]


async def is_warm() -> bool:
    """One is warm, and its services have all started: it has rested for a while."""
    async with reading() as tx:
        row = (
            await tx.exec(select(Container).where(col(Container.pooled), Container.status == Status.RUNNING))
        ).first()
    return row is not None and row.booted_at is not None and (now() - row.booted_at).total_seconds() > _RESTED_S


async def _runs(program: httpx.AsyncClient, here: str) -> bool:
    return (await program.get(here)).json()["status"] == "running"


async def _claims() -> list[Figure]:
    """A hundred at once of a pool of ten: ten warm, nobody the same, the others cold."""
    with stores.postgres() as server:
        async with in_use(stores.create_database(server, "bench_warm")):
            await migrate()
            await seed()
            actor, node = await a_world(limit=_CLAIMS, mem_mb=1_000_000)
            async with transaction() as tx:
                await tx.exec(update(Node).where(col(Node.id) == node.id).values(capacity_vcpus=_CLAIMS))
                await tx.exec(update(ResourceQuota).values(max_containers=_CLAIMS))
                kind = await a_type(tx)
                mine = col(ContainerType.id) == kind.id
                await tx.exec(update(ContainerType).where(mine).values(poolable=True, pool_target=_POOL))
            async with transaction() as tx:
                await pool.refill(tx)
                await tx.exec(update(Container).values(status=Status.RUNNING, host_key="ssh-ed25519 A"))
            began = time.perf_counter()
            ids = await asyncio.gather(*(_create(actor, kind.id) for _ in range(_CLAIMS)))
            taken_s = time.perf_counter() - began
            async with reading() as tx:
                warm = len((await tx.exec(select(Container.id).where(Container.rekeys))).all())
    if len(set(ids)) != _CLAIMS:
        raise RuntimeError("somebody was given what another has")
    name = f"{_CLAIMS} creates at once, {_POOL} warm: warm ones given"
    return [
        Figure(name, warm, "", 1, _POOL, "higher"),
        Figure("until all of them were answered", taken_s, "s", 1),
    ]


async def _create(actor: Actor, kind_id: int) -> int:
    async with transaction() as tx:
        return (await containers.create(tx, actor, container_type_id=kind_id)).id
