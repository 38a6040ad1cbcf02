"""How long a tip takes: policy and features alone, and asked for over HTTP with PostgreSQL behind it."""

import tempfile
import time
from datetime import timedelta

import httpx
from sqlmodel import update

from backend.db import transaction
from backend.migrations import migrate
from backend.models import TipDecision
from backend.models.base import now
from backend.rules.bandit.shapes import Arm, Context
from backend.seed import seed
from backend.services import keys
from backend.tips import features, stages
from tests import stores
from tests.bench.api import _served
from tests.bench.report import Figure, percentile, spread
from tests.conftest import in_use
from tests.factories import an_actor

_ROUNDS, _PEOPLE = 300, 20
_ARMS = [Arm(str(number), f"kind-{number}", {"priority": 0.5, "lately": 0.1}) for number in range(8)]


async def measure() -> list[Figure]:
    """On PostgreSQL; the part without HTTP on SQLite, too."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        figures += await _inside(f"sqlite:///{folder}/tips.sqlite3", "SQLite")
    with stores.postgres() as server:
        url = stores.create_database(server, "bench_tips")
        return figures + await _inside(url, "PostgreSQL") + await _over_http(url)


async def _inside(url: str, kind: str) -> list[Figure]:
    """Reading the features and asking the policies, without writing anything down."""
    async with in_use(url):
        await migrate()
        await seed()
        async with transaction() as tx:
            actor = await an_actor(tx)
        taken_ms: list[float] = []
        for _ in range(_ROUNDS):
            async with transaction() as tx:
                began = time.perf_counter()
                profile = await features.profile(tx, actor.person_id, at=now())
                context = Context(actor.person_id, dict.fromkeys(profile, 0.5))
                await stages.verdict(tx, context, _ARMS)
                taken_ms.append((time.perf_counter() - began) * 1000)
    name = f"tip: features and policy, {kind}, p99"
    return [Figure(name, percentile(taken_ms, 0.99), "ms", _ROUNDS, 10, detail=spread(taken_ms))]


async def _over_http(url: str) -> list[Figure]:
    """A new decision each time, and the tip that stands given again."""
    async with in_use(url):
        async with transaction() as tx:
            people = [await an_actor(tx) for _ in range(_PEOPLE)]
            secrets = [(await keys.create_key(tx, each, name="bench", scope="exec"))[1] for each in people]
        async with _served(url) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as program:
            await _ask_all(program, secrets)  # connections and caches
            new_ms: list[float] = []
            again_ms: list[float] = []
            for _ in range(_ROUNDS // _PEOPLE):
                await _take_away()
                new_ms += await _ask_all(program, secrets)
                again_ms += await _ask_all(program, secrets)
    return [_figure("new decision", new_ms), _figure("the one that stands", again_ms)]


async def _take_away() -> None:
    """What stands was long ago, so that something is chosen anew."""
    async with transaction() as tx:
        await tx.exec(update(TipDecision).values(state="closed", at=now() - timedelta(days=40)))


async def _ask_all(program: httpx.AsyncClient, secrets: list[str]) -> list[float]:
    """Each person once, one after another; how long each answer took, in ms."""
    taken_ms: list[float] = []
    for secret in secrets:
        began = time.perf_counter()
        answer = await program.post("/api/recommend", headers={"Authorization": f"Bearer {secret}"})
        taken_ms.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200 or answer.json()["tip"] is None:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
    return taken_ms


def _figure(what: str, taken_ms: list[float]) -> Figure:
    name = f"tip: recommend over HTTP, {what}, p99"
    return Figure(name, percentile(taken_ms, 0.99), "ms", len(taken_ms), 50, detail=spread(taken_ms))
