"""People's own clients into a real guest, through the gateway. One machine serves all steps."""

import asyncio
import hashlib
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pytest

from backend.guest.shell import guests
from backend.guest.terminals import terminals
from backend.hypervisor.registry import nodes
from backend.services import containers
from tests.integration.world import TaskProcess, World
from tests.ssh_clients import Scene, a_key, a_terminal, in_background, listening, run
from tests.stores import eventually, free_port

pytestmark = [pytest.mark.vm]
_MB = 10


async def test_people_get_in_with_their_own_clients(world: World, tasks: TaskProcess, tmp_path: Path) -> None:
    await world.until_healthy()
    container_id = await world.create()
    await world.until(container_id, "running", seconds=180)
    row = await world.row(container_id)
    assert row is not None
    try:
        async with listening(tmp_path) as (gateway, port):
            scene = Scene(world.actor, await a_key(world.actor, tmp_path), row, gateway, port, tmp_path)
            await _commands(scene)
            await _terminal(scene)
            await _files(scene)
            await _folders(scene)
            await _git(scene)
            await _ports(scene)
            await _started_by_ssh(scene, world)
    finally:
        await terminals().forget_all()
        await guests().close_all()
        await nodes().close_all()


async def _prints(scene: Scene, command: str) -> str:
    done = await scene.ssh(command)
    assert done.code == 0, done.err
    return done.out.decode().strip()


async def _commands(scene: Scene) -> None:
    assert await _prints(scene, "systemctl is-system-running --wait > /dev/null; id -un; hostname") == (
        f"root\n{scene.container.name}"
    )
    done = await scene.ssh("cat; echo err >&2; exit 7", stdin=b"in")
    assert (done.code, done.out, done.err) == (7, b"in", "err\n")
    done = await scene.ssh("kill -TERM $$")
    assert done.code == 255  # by a signal: `ssh` has no code for it
    assert await _prints(scene, "env | grep -E 'LANG|LD_|GIT_'") == "LANG=C.UTF-8"


async def _terminal(scene: Scene) -> None:
    taken = list[float]()
    for _ in range(3):
        began = time.monotonic()
        async with a_terminal(scene, cols=99, rows=33) as terminal:
            await terminal.shows("# ")
            taken.append(time.monotonic() - began)
            terminal.type("stty size; pwd; tty\r")
            await terminal.shows("33 99")
            await terminal.shows("/dev/pts/")
            terminal.resize(70, 20)
            terminal.type("clear; stty size\r")
            await terminal.shows("20 70")
            terminal.type("exit 5\r")
            assert await terminal.ended() == 5
    print("ssh to a prompt, real guest:", [round(each, 2) for each in taken])


async def _files(scene: Scene) -> None:
    data = os.urandom(_MB * 1_000_000)
    (scene.folder / "up").write_bytes(data)
    began = time.monotonic()
    done = await run("scp", *scene.options(), str(scene.folder / "up"), "127.0.0.1:/app/up", within_s=120)
    up_s = time.monotonic() - began
    assert done.code == 0, done.err
    assert (await _prints(scene, "sha256sum < /app/up")).startswith(hashlib.sha256(data).hexdigest())
    began = time.monotonic()
    script = f"get /app/up {scene.folder}/down\n"
    done = await run("sftp", *scene.options(), "-b", "-", "127.0.0.1", stdin=script.encode(), within_s=120)
    down_s = time.monotonic() - began
    assert done.code == 0, done.err
    assert (scene.folder / "down").read_bytes() == data
    print(f"files, real guest: up {_MB / up_s:.1f} MB/s, down {_MB / down_s:.1f} MB/s")


async def _folders(scene: Scene) -> None:
    if shutil.which("rsync") is None:
        return
    here, back = scene.folder / "tree", scene.folder / "back"
    for number in range(20):
        (here / f"d{number % 3}").mkdir(parents=True, exist_ok=True)
        (here / f"d{number % 3}" / f"f{number}").write_bytes(os.urandom(number * 1000))
    ssh = " ".join(["ssh", *scene.options()])
    for words in ((f"{here}/", "127.0.0.1:/app/tree/"), ("127.0.0.1:/app/tree/", f"{back}/")):
        done = await run("rsync", "-a", "-e", ssh, *words, within_s=120)
        assert done.code == 0, done.err
    assert (await run("diff", "-r", str(here), str(back))).code == 0


async def _git(scene: Scene) -> None:
    await _prints(scene, "git init -q -b main --bare /app/repo.git")
    ssh, here = " ".join(["ssh", *scene.options()]), scene.folder / "repo"
    git = ["git", "-c", f"core.sshCommand={ssh}", "-c", "user.name=A", "-c", "user.email=a@b"]
    for words in (["clone", "127.0.0.1:/app/repo.git", str(here)], ["-C", str(here), "checkout", "-b", "main"]):
        done = await run(*git, *words, within_s=120)
        assert done.code == 0, done.err
    (here / "file").write_text("content")
    for words in (["add", "."], ["commit", "-q", "-m", "One"], ["push", "-q", "origin", "main"]):
        done = await run(*git, "-C", str(here), *words, within_s=120)
        assert done.code == 0, done.err
    assert await _prints(scene, "git -C /app/repo.git log --format=%s main") == "One"


async def _ports(scene: Scene) -> None:
    """What listens in the guest alone is reached; what listens here is not."""
    ours = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    closed = ours.sockets[0].getsockname()[1]
    command = "cd /app && echo hello > hello && (python3 -m http.server 8123 --bind 127.0.0.1 > /dev/null 2>&1 &)"
    await _prints(scene, command)
    here, socks = free_port(), free_port()
    async with in_background(scene, "-L", f"{here}:127.0.0.1:8123", "-D", str(socks)):

        async def fetched(*words: str) -> bool:
            return (await run("curl", "-s", *words)).out == b"hello\n"

        await eventually("the page", lambda: fetched(f"http://127.0.0.1:{here}/hello"), seconds=60)
        by_socks = ("--socks5-hostname", f"127.0.0.1:{socks}")
        assert await fetched(*by_socks, "http://localhost:8123/hello")
        assert (await run("curl", "-s", *by_socks, f"http://127.0.0.1:{closed}/")).code != 0
    ours.close()


async def _started_by_ssh(scene: Scene, world: World) -> None:
    async with a_terminal(scene) as terminal:
        await terminal.shows("# ")
        await world.ask(containers.power_off, scene.container.id)
        assert await terminal.ended() != 0
    await world.until(scene.container.id, "stopped")
    done = await scene.ssh("true")
    assert (done.code, "is stopped" in done.err) == (75, True)
    async with a_terminal(scene) as terminal:
        await terminal.shows("Start it? [Y/n]")
        terminal.type("y")
        with suppress(TimeoutError):
            await terminal.shows("# ")
        await eventually("the prompt", lambda: b"# " in terminal.seen, seconds=180)
        terminal.type("echo again-$((40+2)); exit\r")
        await terminal.shows("again-42")
        assert await terminal.ended() == 0
