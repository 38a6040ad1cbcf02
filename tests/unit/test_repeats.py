"""How many answers are kept for requests that may be sent again: of each person the latest, and what is under way."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, select, update

from backend.db import reading, transaction
from backend.models import Repeat
from backend.models.base import now
from backend.services import repeats
from backend.services.repeats import Answer, Request
from tests.people import a_user


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST", 3)


def _named(user_id: int, key: str) -> Request:
    return Request(user_id, "POST /api/things/", key, "digest")


async def _done(user_id: int, *names: str) -> None:
    for name in names:
        await repeats.begin(_named(user_id, name))
        await repeats.finish(_named(user_id, name), Answer(201, "", name))


async def _kept(user_id: int) -> list[str]:
    async with reading() as tx:
        query = select(Repeat.key).where(Repeat.user_id == user_id).order_by(col(Repeat.created_at))
        return list((await tx.exec(query)).all())


async def test_of_each_person_the_latest_answers_are_kept(database: str) -> None:
    ana, bob = [(await a_user(name)).person_id for name in ("ana", "bob")]
    await _done(bob, "a", "b")
    await _done(ana, "a", "b", "c", "d", "e")
    assert (await _kept(ana), await _kept(bob)) == (["c", "d", "e"], ["a", "b"])
    assert await repeats.begin(_named(ana, "c")) == Answer(201, "", "c")
    assert await repeats.begin(_named(ana, "a")) is None, "it is forgotten, and so done again"


async def test_what_is_under_way_is_not_forgotten_until_it_must_have_been_broken_off(database: str) -> None:
    ana = (await a_user("ana")).person_id
    await repeats.begin(_named(ana, "slow"))
    await _done(ana, "a", "b", "c", "d")
    assert await _kept(ana) == ["slow", "b", "c", "d"]
    async with transaction() as tx:
        is_slow = col(Repeat.key) == "slow"
        await tx.exec(update(Repeat).where(is_slow).values(created_at=now() - timedelta(minutes=16)))
    await _done(ana, "e")
    assert await _kept(ana) == ["c", "d", "e"]


async def test_many_at_once_stay_within_the_bound(database: str) -> None:
    ana = (await a_user("ana")).person_id
    await asyncio.gather(*(_done(ana, f"n{each}") for each in range(12)))
    await _done(ana, "last")
    assert len(await _kept(ana)) == 3
