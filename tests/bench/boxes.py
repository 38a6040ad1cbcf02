"""People of a served installation, signed in, with containers that run."""

import httpx
from sqlmodel import col, select

from backend.db import reading
from backend.models import Container, Status
from tests.conftest import in_use
from tests.crowd import give_containers
from tests.e2e import people
from tests.e2e.served import Served
from tests.stores import eventually


async def boxes(server: Served, number: int, count: int) -> tuple[str, list[int]]:
    """Run one person's containers, and sign them in; gives their session, and the containers' ids."""
    name = people.name_of(number)
    made = await give_containers(server.home, name, count, running=count)
    await eventually("the containers to run", lambda: _all_run(server, made), seconds=60)
    async with httpx.AsyncClient(base_url=server.url, headers={"Origin": server.url}) as client:
        await client.post("/auth/login", data={"username": name, "password": people.PASSWORD})
        return client.cookies["sid"], made


async def _all_run(server: Served, made: list[int]) -> bool:
    async with in_use(f"sqlite:///{server.home}/pequeroku.sqlite3"), reading() as tx:
        rows = (await tx.exec(select(Container).where(col(Container.id).in_(made)))).all()
    return all(row.status is Status.RUNNING for row in rows)
