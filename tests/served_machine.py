"""A real machine of a served installation, as its owner's programs meet it: commands, and the assistant."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from sqlmodel import col, select

from backend.ai.provider import Model
from backend.db import reading, transaction
from backend.models import Node, ResourceQuota, User
from backend.rules.policy import SYSTEM
from backend.services.config import set_config
from tests.conftest import in_use
from tests.e2e import people, served
from tests.e2e.served import Served
from tests.machines import PrivateNode, built_image
from tests.stores import eventually
from tests.talk import Talk, talking

MANY = 100_000
"""More questions a day than anybody asks."""
_COMMAND_S = 120


class ServedMachine:
    """One running container, and its owner's session."""

    def __init__(self, server: Served, client: httpx.AsyncClient, container_id: int) -> None:
        self.server, self.container_id, self._client = server, container_id, client
        self._at = f"/api/containers/{container_id}"

    async def run(self, command: str, *, cwd: str = "/app") -> tuple[int, str]:
        """Run a shell command to its end; its exit code (124 when it had none in time), and all that it said."""
        order = {"command": command, "cwd": cwd, "timeout_s": _COMMAND_S}
        answer = await self._client.post(f"{self._at}/exec_command/", json=order, timeout=_COMMAND_S + 30)
        if answer.status_code == httpx.codes.GATEWAY_TIMEOUT:
            return 124, f"It was not done within {_COMMAND_S} s."
        said = answer.raise_for_status().json()
        return said["exit_code"], said["stdout"] + said["stderr"]

    async def upload(self, path: str, content: str) -> None:
        """Put a file there, and the folders on its way."""
        where = {"path": path, "overwrite": "true"}
        answer = await self._client.post(f"{self._at}/upload_file/", params=where, content=content.encode())
        answer.raise_for_status()

    async def end_processes(self) -> None:
        """End what was started to go on by itself, and forget it."""
        for each in (await self._client.get(f"{self._at}/processes/")).raise_for_status().json()["items"]:
            for _ in ("stop", "forget") if each["state"] == "running" else ("forget",):
                (await self._client.delete(f"{self._at}/processes/{each['process_id']}/")).raise_for_status()

    @asynccontextmanager
    async def talking(self) -> AsyncGenerator[Talk]:
        async with talking(self.server.url, self._client.cookies["sid"], self.container_id) as talk:
            yield talk


@asynccontextmanager
async def served_machine(node: PrivateNode, home: Path, model: Model) -> AsyncGenerator[ServedMachine]:
    """Serve an installation with that node and that language model, and boot a machine in it."""
    where = {
        "LOCAL_NODE_URI": node.uri,
        "IMAGE_DIR": str(built_image().base.parent.absolute()),
        "NODE_ACCELERATION": "tcg",
        "DATABASE_URL": f"sqlite:///{home}/pequeroku.sqlite3",  # whatever this checkout's own installation has
    }
    served.build()
    with served.serve(home, where, users=1) as server:
        name = people.name_of(0)
        await set_up(server, model, name)
        await eventually("the node to be ready", lambda: _is_ready(server), seconds=60)
        async with signed_in(server, name) as client:
            made = await client.post("/api/containers/", json={"container_type": "small"})
            container_id = made.raise_for_status().json()["id"]

            async def runs() -> bool:
                view = (await client.get(f"/api/containers/{container_id}/")).raise_for_status().json()
                return view["status"] == "running"

            await eventually("the machine to run", runs, seconds=180, pause_s=0.2)
            machine = ServedMachine(server, client, container_id)
            await machine.run("systemctl is-system-running --wait || true", cwd="/")  # its services still start
            yield machine


async def set_up(server: Served, model: Model, *names: str) -> None:
    """Let these people ask that model as often as they like."""
    async with _database_of(server):
        for key, value in (("openai_api_url", model.url), ("openai_api_key", model.key), ("openai_model", model.name)):
            async with transaction() as tx:
                await set_config(tx, SYSTEM, key, value)
        async with transaction() as tx:
            query = select(ResourceQuota).join(User).where(col(User.username).in_(names))
            for quota in (await tx.exec(query)).all():
                quota.ai_use_per_day = MANY


@asynccontextmanager
async def signed_in(server: Served, name: str) -> AsyncGenerator[httpx.AsyncClient]:
    """One of the people, with a session."""
    async with httpx.AsyncClient(base_url=server.url, headers={"Origin": server.url}, timeout=30) as client:
        await client.post("/auth/login", data={"username": name, "password": people.PASSWORD})
        assert "sid" in client.cookies, f"{name} could not sign in"
        yield client


def _database_of(server: Served):
    return in_use(f"sqlite:///{server.home}/pequeroku.sqlite3")


async def _is_ready(server: Served) -> bool:
    async with _database_of(server), reading() as tx:
        return all(each.healthy and each.prepared for each in (await tx.exec(select(Node))).all())
