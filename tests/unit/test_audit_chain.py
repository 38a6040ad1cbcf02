"""The audit log's chain, as it is written."""

import asyncio

import pytest
from sqlmodel import col, select

from backend.audit import erase_person, hash_of, private_holds, seal_of
from backend.db import reading, transaction
from backend.errors import Forbidden
from backend.models import AuditChain, AuditLog
from backend.rules import chain
from backend.rules.policy import SYSTEM
from backend.services import config
from tests.factories import an_actor

KEY = b"k" * 32


def test_a_link_depends_on_the_key_on_what_came_before_and_on_every_fact() -> None:
    links = {
        chain.link(key, before, facts)
        for key in (KEY, b"x" * 32)
        for before in ("", "a")
        for facts in ({"id": 1}, {"id": 2}, {"id": 1, "more": None})
    }
    assert len(links) == 12


@pytest.mark.usefixtures("database")
async def test_rows_of_transactions_that_race_make_one_chain_without_gaps() -> None:
    async def change(number: int) -> None:
        async with transaction() as tx:
            await config.set_config(tx, SYSTEM, "default_credits", str(number))
            await config.set_config(tx, SYSTEM, "smtp_port", str(number))

    await asyncio.gather(*(change(number) for number in range(1, 9)))
    async with reading() as tx:
        rows = (await tx.exec(select(AuditLog).order_by(col(AuditLog.id)))).all()
        end = (await tx.exec(select(AuditChain))).one()
    assert [row.id for row in rows] == list(range(end.first_id, end.last_id + 1))
    before = end.before_first
    for row in rows:
        assert row.hash == hash_of(row, before=before)
        assert private_holds(row)
        before = row.hash
    assert before == end.last_hash


@pytest.mark.usefixtures("database")
async def test_a_refusal_joins_the_chain_too() -> None:
    async with transaction() as tx:
        user = await an_actor(tx)
    with pytest.raises(Forbidden):
        async with transaction() as tx:
            await config.set_config(tx, user, "default_credits", "100")
    async with reading() as tx:
        row = (await tx.exec(select(AuditLog).order_by(col(AuditLog.id).desc()))).first()
        end = (await tx.exec(select(AuditChain))).one()
    assert row is not None
    assert (row.action, row.success, row.hash) == ("config.set", False, end.last_hash)


@pytest.mark.usefixtures("database")
async def test_an_account_that_goes_takes_its_words_along_and_the_chain_holds() -> None:
    async with transaction() as tx:
        person = await an_actor(tx, is_superuser=True)
        await config.set_config(tx, person, "default_credits", "9")
    async with transaction() as tx:
        await erase_person(tx, person.person_id)
    async with reading() as tx:
        row = (await tx.exec(select(AuditLog).where(AuditLog.action == "config.set"))).one()
        end = (await tx.exec(select(AuditChain))).one()
    assert (row.user_id, row.actor_name, row.message, row.details) == (None, "", "", {})
    assert private_holds(row)
    assert (row.hash, end.seal) == (end.last_hash, seal_of(end))
