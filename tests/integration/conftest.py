"""Fixtures with real machines. Whatever a test leaves behind is ended here, failures included."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from backend.hypervisor import local_libvirtd
from backend.settings import settings
from tests.conftest import in_use
from tests.factories import a_world_on
from tests.integration.world import TaskProcess, World


@pytest.fixture(scope="session")
def netns() -> Generator[str]:
    """A network namespace with nothing in it but its own loopback: what happens there stays there."""
    name = f"pqk{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.fixture(scope="session")
def libvirtd(netns: str) -> Generator[Path]:
    """A private libvirtd of the tests' own; gives its folder."""
    folder = Path(tempfile.mkdtemp(prefix="pequeroku-node-"))
    try:
        local_libvirtd.start(folder, netns=netns)
        yield folder
    finally:
        local_libvirtd.stop(folder, with_machines=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def world(
    libvirtd: Path, fresh_sqlite: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncGenerator[World]:
    """An installation on a fresh database, with the private libvirtd as its node."""
    monkeypatch.setenv("NODE_ACCELERATION", "tcg")
    monkeypatch.setenv("PEQUEROKU_HOME", str(tmp_path))
    async with in_use(fresh_sqlite):
        settings.cache_clear()
        actor, _ = await a_world_on(local_libvirtd.start(libvirtd))
        yield World(actor, libvirtd)


@pytest.fixture
def tasks(world: World, tmp_path: Path) -> Generator[TaskProcess]:
    """A task process, running."""
    process = TaskProcess(tmp_path / "tasks.log")
    process.start()
    yield process
    process.kill()


@pytest.fixture
def more_tasks(world: World, tmp_path: Path) -> Generator[TaskProcess]:
    """Another one, not started yet."""
    process = TaskProcess(tmp_path / "more-tasks.log")
    yield process
    process.kill()
