"""A whole installation for tests: a real libvirtd in a network namespace of its own, a database, task processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlmodel import select

from backend.db import Tx, reading, transaction
from backend.models import Container, Node
from backend.models.base import now
from backend.rules.policy import Actor
from backend.services import containers
from backend.services.views import ContainerView
from tests.factories import a_type
from tests.machines import PrivateNode
from tests.stores import eventually, free_port

BOOT_S = 150.0
"""How long a real guest may take for anything while the machine does other things: more than the 90 s that it is given
to shut down.
"""


TASKS = ("backend.tasks",)
SERVER = ("backend.serve", "pequeroku_ui.pequeroku_ui:app")


class TaskProcess:
    """What reconciles, in a process that can be killed at any moment: a task process, or the whole server."""

    def __init__(self, log: Path, module: tuple[str, ...] = TASKS) -> None:
        self._log = log
        self._command = [sys.executable, "-m", *module]
        self.url = ""
        """Where it serves, if it does."""
        if module is SERVER:
            port = free_port()
            self._command += ["--host", "127.0.0.1", "--port", str(port)]
            self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = os.environ | {"REFLEX_ENV_MODE": "prod", "__REFLEX_SKIP_COMPILE": "true"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def kill(self) -> None:
        """kill -9 of it and of what it has started, and wait until it is gone."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(20)
            self._process = None

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-20_000:] if self._log.exists() else ""

    def suspend(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


class World:
    """One user, one real node, and the wishes of that user."""

    def __init__(self, actor: Actor, node: PrivateNode) -> None:
        self.actor, self.node = actor, node
        self._wished_at = now()

    async def create(self) -> int:
        self._wished_at = now()
        async with transaction() as tx:
            wanted = await a_type(tx)
            return (await containers.create(tx, self.actor, container_type_id=wanted.id)).id

    async def ask(self, wish: Callable[[Tx, Actor, int], Awaitable[Any]], container_id: int) -> None:
        self._wished_at = now()
        async with transaction() as tx:
            await wish(tx, self.actor, container_id)

    async def look(self, container_id: int) -> ContainerView:
        async with reading() as tx:
            return await containers.get(tx, self.actor, container_id)

    async def row(self, container_id: int) -> Container | None:
        async with reading() as tx:
            return await tx.get(Container, container_id)

    async def until(self, container_id: int, status: str, *, seconds: float = BOOT_S) -> ContainerView:
        async def reached() -> ContainerView | None:
            view = await self.look(container_id)
            return view if view.status == status else None

        return await eventually(f"container {container_id} to be {status}", reached, seconds=seconds)

    async def until_phase(self, container_id: int, phase: str) -> None:
        """Until it is in this phase, or has been since the last wish: some are shorter than a look at them."""

        async def reached() -> bool:
            view = await self.look(container_id)
            return phase in [view.phase, *(each.phase for each in view.phases if each.at >= self._wished_at)]

        await eventually(f"container {container_id} to be {phase}", reached, seconds=BOOT_S)

    async def until_gone(self, container_id: int) -> None:
        async def gone() -> bool:
            return await self.row(container_id) is None

        await eventually(f"container {container_id} to be gone", gone, seconds=BOOT_S)

    async def until_healthy(self) -> None:
        async def healthy() -> bool:
            async with reading() as tx:
                return all(each.healthy and each.prepared for each in (await tx.exec(select(Node))).all())

        await eventually("the node to be ready", healthy, seconds=60)

    async def orphans(self) -> list[str]:
        async with reading() as tx:
            return [name for node in (await tx.exec(select(Node))).all() for name in node.orphans]

    async def qemu_of(self, container_id: int) -> list[int]:
        """The processes that run the container's machine: one at most, or something is badly wrong."""
        row = await self.row(container_id)
        return qemu_processes(row.domain_name) if row else []

    async def kill_libvirtd(self) -> None:
        """kill -9 of libvirtd and its start anew; machines live on."""
        pid = self.node.pid
        os.kill(pid, signal.SIGKILL)
        await eventually("libvirtd to be dead", lambda: not Path(f"/proc/{pid}").exists())
        await asyncio.to_thread(self.node.start)


def qemu_processes(domain_name: str) -> list[int]:
    """Process ids of QEMUs that run the domain."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"qemu-system" in words[0] and any(f"guest={domain_name},".encode() in word for word in words):
            found.append(int(entry.name))
    return found
