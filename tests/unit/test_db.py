"""Transactions: all or nothing, also when whoever asked is cancelled."""

import asyncio
import random

import pytest
from sqlmodel import select

from backend.db import Tx, reading, transaction
from backend.errors import NotFound
from backend.models import LoginThrottle, User
from backend.services import external, identity, keys
from tests.factories import a_world

pytestmark = pytest.mark.usefixtures("database")


async def _write(key: str) -> None:
    async with transaction() as tx:
        tx.add(LoginThrottle(key=key))
        await tx.flush()
        await tx.exec(select(LoginThrottle))


async def test_what_fails_leaves_nothing() -> None:
    async def fail(tx: Tx) -> None:
        tx.add(LoginThrottle(key="never"))
        await tx.flush()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            await fail(tx)
    async with reading() as tx:
        assert (await tx.exec(select(LoginThrottle))).all() == []


async def test_a_row_has_no_id_before_it_was_flushed() -> None:
    user = User(username="ana", password_hash="!")
    with pytest.raises(RuntimeError, match="this User has no id yet"):
        _ = user.id
    async with transaction() as tx:
        tx.add(user)
        await tx.flush()
        assert user.id > 0


async def test_an_id_that_no_column_can_hold_is_no_rows() -> None:
    actor, _ = await a_world()
    for operation in (keys.revoke_key, keys.remove_ssh_key, identity.revoke_session, external.unlink):
        for number in (0, -1, 2**40, 10**30):
            with pytest.raises(NotFound):
                async with transaction() as tx:
                    await operation(tx, actor, number)


async def test_writers_that_are_cancelled_at_any_moment_never_keep_the_lock() -> None:
    rng = random.Random(7)
    for number in range(150):
        task = asyncio.create_task(_write(f"key-{number}"))
        for _ in range(rng.randint(0, 40)):
            await asyncio.sleep(0)
        await asyncio.sleep(rng.random() * 0.004)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(5):
        await _write("the last one")


async def test_of_many_writers_at_once_each_gets_its_turn_and_who_reads_waits_for_none(database: str) -> None:
    came = list[int]()
    all_wait = asyncio.Event()

    async def write(number: int) -> None:
        async with transaction() as tx:
            await all_wait.wait()
            tx.add(LoginThrottle(key=f"{number}"))
            await tx.flush()
            came.append(number)

    writers = list[asyncio.Task[None]]()
    for number in range(40):
        writers.append(asyncio.create_task(write(number)))
        await asyncio.sleep(0)
    if database.startswith("sqlite"):  # PostgreSQL lets them write beside each other, as many as it has connections for
        async with asyncio.timeout(5), reading() as tx:
            await tx.exec(select(LoginThrottle))
    all_wait.set()
    await asyncio.gather(*writers)
    assert sorted(came) == list(range(40))
    if database.startswith("sqlite"):
        assert came == sorted(came)
