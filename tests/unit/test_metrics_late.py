"""Figures that the database had no time for."""

import sqlite3
from contextlib import closing

import pytest
from sqlmodel import select

from backend import db
from backend.db import reading, transaction
from backend.models import UsagePoint
from backend.tasks import usage
from tests.conftest import in_use
from tests.factories import a_container, a_world
from tests.unit.test_metrics import Box


@pytest.fixture
def locked(fresh_sqlite: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that is not waited for long; gives its file."""
    monkeypatch.setattr(db, "_LOCK_WAIT_S", 0.02)
    return fresh_sqlite.removeprefix("sqlite:///")


async def _a_box() -> Box:
    actor, node = await a_world()
    async with transaction() as tx:
        container = await a_container(tx, actor, node)
    return Box(actor, node.id, container.id)


async def test_they_are_kept_once_there_is_time_and_rolled_up_as_if_nothing_had_been(locked: str) -> None:
    async with in_use(f"sqlite:///{locked}"):
        box = await _a_box()
        await box.uses(20, box.start, box.start + 30)
        with closing(sqlite3.connect(locked, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await box.uses(20, box.start + 30, box.start + 90)
            assert sum(each.measured_s for each in (await box.seen()).points) == 30
        await box.uses(20, box.start + 90, box.start + 130)
        points = (await box.seen(points=2000)).points
        assert [each.at_s for each in points] == list(range(box.start, box.start + 130, 10))
        assert {(each.measured_s, each.values[0]) for each in points} == {(10, 20.0)}
        async with reading() as tx:
            minutes = (await tx.exec(select(UsagePoint.measured_s).where(UsagePoint.grain_s == 60))).all()
        assert minutes == [60, 60]


async def test_what_waits_for_long_is_bounded(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_MOST_PENDING", 6)
    async with in_use(f"sqlite:///{locked}"):
        box = await _a_box()
        with closing(sqlite3.connect(locked, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await box.uses(20, box.start, box.start + 60)
        assert {len(each) for each in box.ledger._pending.values()} == {6}
