"""Fixtures with real machines. Whatever a test leaves behind is ended with them, failures included."""

from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.events.bus import bus
from backend.settings import settings
from tests.conftest import in_use
from tests.factories import a_world_on
from tests.integration.world import TASKS, TaskProcess, World
from tests.machines import PrivateNode, built_image, private_node


@pytest.fixture(scope="session")
def node() -> Generator[PrivateNode]:
    """A real node for a whole run of tests."""
    with private_node() as made:
        yield made


@pytest.fixture(scope="module")
def three() -> Generator[list[PrivateNode]]:
    """Three libvirtds, each in a network namespace of its own."""
    with ExitStack() as stack:
        yield [stack.enter_context(private_node()) for _ in range(3)]


@pytest.fixture
def real_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What an installation with real machines is told: the built image, emulation, a home of its own."""
    monkeypatch.setenv("NODE_ACCELERATION", "tcg")
    monkeypatch.setenv("PEQUEROKU_HOME", str(tmp_path))
    monkeypatch.setenv("IMAGE_DIR", str(built_image().base.parent))


@pytest.fixture
async def world(
    node: PrivateNode, fresh_sqlite: str, redis_server: str, real_settings: None,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> AsyncGenerator[World]:  # fmt: skip
    """An installation on a fresh database, with the real node as its only one; wishes reach the tasks through Redis."""
    monkeypatch.setenv("REDIS_URL", redis_server)
    monkeypatch.setenv("REDIS_PREFIX", f"{tmp_path}:")
    async with in_use(fresh_sqlite):
        settings.cache_clear()
        actor, _ = await a_world_on(node.uri)
        yield World(actor, node)
        await bus().stop()
    node.sweep()


@pytest.fixture
def tasks(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> Generator[TaskProcess]:
    """A task process, running; or what the test asks for in its place."""
    process = TaskProcess(tmp_path / "tasks.log", getattr(request, "param", TASKS))
    process.start()
    yield process
    process.kill()
    print(process.said())  # pytest shows it beside a failure


@pytest.fixture
def more_tasks(world: World, tmp_path: Path) -> Generator[TaskProcess]:
    """Another one, not started yet."""
    process = TaskProcess(tmp_path / "more-tasks.log")
    yield process
    process.kill()
    print(process.said())
