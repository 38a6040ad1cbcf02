"""Policies over HTTP give what they give here; a process that fails costs a deadline, and the decision says so."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import httpx
import numpy as np
import pytest

from backend import settings
from backend.db import transaction
from backend.rules.bandit.shapes import Arm, Context
from backend.tips import serving, stages
from backend.tips.policies import MAKERS, make
from tests import stores

_ROOT = Path(__file__).resolve().parents[2]
CONTEXT = Context(7, {"hour": 0.1 + 0.2, "tasks.overdue": -1 / 3})
ARMS = [Arm(str(number), kind, {"lately": number / 7}) for number, kind in enumerate(("rest", "tasks", "idle"))]


@pytest.fixture(scope="module")
def server() -> Generator[str]:
    port = stores.free_port()
    command = [sys.executable, "-m", "backend.tips.serving"]
    env = os.environ | {"ML_SERVING_PORT": str(port), "HOST": "127.0.0.1"}
    with subprocess.Popen(command, cwd=_ROOT, env=env) as process:
        try:
            stores.wait_for("the policies", lambda: stores._listens(port), seconds=60)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _ask_at(url: str, monkeypatch: pytest.MonkeyPatch, deadline_s: float = 10) -> None:
    monkeypatch.setenv("ML_SERVING_URL", url)
    monkeypatch.setattr(serving, "DEADLINE_S", deadline_s)
    settings.settings.cache_clear()


@pytest.fixture(autouse=True)
def _asks_nobody_after() -> Generator[None]:
    yield
    os.environ.pop("ML_SERVING_URL", None)
    settings.settings.cache_clear()


@pytest.mark.parametrize("name", list(MAKERS))
async def test_here_and_over_http_are_the_same_to_the_last_bit(
    name: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = make(name, {}), make(name, {})
    for number in range(6):
        lessons = [serving.Lesson(CONTEXT, ARMS[(number + more) % 3], number / 5, 0.3) for more in range(2)]
        expected = await serving.distribution(here, CONTEXT, ARMS)
        state = await serving.update(here, lessons)
        _ask_at(server, monkeypatch)
        answer = await serving.distribution(there, CONTEXT, ARMS)
        assert (answer.policy, answer.probabilities.tolist()) == (name, expected.probabilities.tolist())
        assert await serving.update(there, lessons) == state
        monkeypatch.delenv("ML_SERVING_URL")
        settings.settings.cache_clear()
        here, there = make(name, state), make(name, state)


@asynccontextmanager
async def _a_server_that_says(body: str, *, status: str = "200 OK", after_s: float = 0) -> AsyncGenerator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(after_s)
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        writer.close()

    made = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{made.sockets[0].getsockname()[1]}/"
    made.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"probabilities": [0.5, 0.5]}', "200 OK"),
        ('{"probabilities": [0.5, 0.6, -0.1]}', "200 OK"),
        ('{"probabilities": [0.5, 0.2, 0.2]}', "200 OK"),
        ('{"probabilities": [NaN, 0.5, 0.5]}', "200 OK"),
        ('{"probabilities": ["1", true, null]}', "200 OK"),
        ('{"probabilities": {}}', "200 OK"),
        ("[]", "200 OK"),
        ("not JSON", "200 OK"),
        ("[" * 100_000, "200 OK"),
        ('{"probabilities": [0.2, 0.3, 0.5]}', "500 Internal Server Error"),
    ],
)
async def test_a_process_that_lies_is_not_believed(body: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = make("random", {})
    async with _a_server_that_says(body, status=status) as url:
        _ask_at(url, monkeypatch)
        answer = await serving.distribution(policy, CONTEXT, ARMS)
        assert answer.policy == "random+local"
        assert np.array_equal(answer.probabilities, policy.distribution(CONTEXT, ARMS))
        assert await serving.update(policy, [serving.Lesson(CONTEXT, ARMS[0], 1, 0.5)]) == policy.state()


async def test_a_process_that_is_slow_or_down_costs_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = make("random", {})
    async with _a_server_that_says('{"probabilities": [0.2, 0.3, 0.5]}', after_s=5) as url:
        _ask_at(url, monkeypatch, 0.2)
        began_s = time.monotonic()
        assert (await serving.distribution(policy, CONTEXT, ARMS)).policy == "random+local"
        assert time.monotonic() - began_s < 2
    _ask_at(f"http://127.0.0.1:{stores.free_port()}", monkeypatch)
    assert (await serving.distribution(policy, CONTEXT, ARMS)).policy == "random+local"


async def test_what_the_process_can_not_answer_it_refuses(server: str) -> None:
    said = {"policy": "random", "version": 1, "state": {}, "context": {"user_id": 1, "values": {}}}
    arm = {"id": "1", "kind": "a", "values": {"x": 0.5}}
    async with httpx.AsyncClient(base_url=server) as ask:
        assert set((await ask.get("/health")).json()["policies"]) == set(MAKERS)
        assert (await ask.post("/distribution", json={**said, "arms": [arm]})).json() == {"probabilities": [1.0]}
        for wrong, status in (
            ({"arms": []}, 422),
            ({"arms": [arm], "policy": "none"}, 404),
            ({"arms": [arm], "version": 99}, 409),
            ({"arms": [{**arm, "values": {"x": "a"}}]}, 422),
            ({"arms": [arm], "more": 1}, 422),
        ):
            assert (await ask.post("/distribution", json={**said, **wrong})).status_code == status
        for wrong in ({"reward": 1.5, "propensity": 0.5}, {"reward": 1, "propensity": 0}):
            lesson = {"context": said["context"], "arm": arm, **wrong}
            sent = {**{key: said[key] for key in ("policy", "version", "state")}, "lessons": [lesson]}
            assert (await ask.post("/update", json=sent)).status_code == 422


async def test_a_state_is_sent_once_and_named_after_that(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _ask_at(server, monkeypatch)
    taught = await serving.update(make("thompson", {}), [serving.Lesson(CONTEXT, ARMS[1], 1, 0.5)])
    policy, name = make("thompson", taught), serving.digest(taught)
    expected = policy.distribution(CONTEXT, ARMS).tolist()
    said = {"policy": "thompson", "version": policy.version, "context": asdict(CONTEXT)}
    question = {**said, "arms": [asdict(arm) for arm in ARMS], "state_id": name}
    async with httpx.AsyncClient(base_url=server) as ask:
        assert (await ask.post("/distribution", json=question)).status_code == 428
        assert (await serving.distribution(policy, CONTEXT, ARMS, state_id=name)).probabilities.tolist() == expected
        assert (await ask.post("/distribution", json=question)).json() == {"probabilities": expected}
        lie = {**question, "state": make("thompson", {}).state()}
        assert (await ask.post("/distribution", json=lie)).status_code == 422


async def test_what_is_chosen_and_learnt_here_is_asked_there(
    server: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the other process, and when it is gone: a tip comes, and the decision says who was asked."""
    _ask_at(server, monkeypatch)
    async with transaction() as tx:
        await stages.put(tx, "thompson", stages.ACTIVE)
        said = await stages.verdict(tx, CONTEXT, ARMS)
    assert [each["by"] for each in said.opinions.values()] == ["thompson"]
    _ask_at(f"http://127.0.0.1:{stores.free_port()}", monkeypatch)
    async with transaction() as tx:
        alone = await stages.verdict(tx, CONTEXT, ARMS)
    assert [each["by"] for each in alone.opinions.values()] == ["thompson+local"]
    assert alone.probabilities.tolist() == said.probabilities.tolist()
