"""Leaving: what is exported, and that nothing stays."""

import json
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import JSON, Enum, Table
from sqlmodel import SQLModel, col, select

from backend.audit import hash_of
from backend.db import Tx, reading, transaction
from backend.errors import BadCredentials, Conflict, Forbidden
from backend.models import AuditLog, Container, Team, User
from backend.rules.policy import SYSTEM, Actor
from backend.services import farewell, identity
from backend.services.personal_data import HOLDINGS
from backend.tasks import farewells
from tests.factories import a_container, a_node
from tests.people import PASSWORD, a_user, signed_in, visitor

pytestmark = pytest.mark.usefixtures("database")
_numbers = count(1)
_USERS = "user_account"
_NOT_PERSONAL = {
    "node",
    "node_lease",
    "audit_chain",
    "container_type",
    "login_throttle",
    "leftover",
    "shipped_template",
    "work_lease",
    "tip_gate_report",
    "tip_phrase",
    "tip_policy",
}
"""No way leads from them to a user; a throttle's key is a name, and goes with the account (see below)."""
_ONE_OF_THEIRS = {
    # Of two columns that lead to a user only one may be filled, or the other one says more.
    "container_share": {"team_id": None},
    "invitation": {"team_id": None},
}
_LISTS = ("phases", "files", "kinds", "blocked_cidrs", "orphans", "eligible", "probabilities")
_KINDS = {
    "desired_state": "stopped",
    "status": "stopped",
    "phase": "",
    "scope": "read",
    "role": "member",
    "state": "failed",
}


def _leads_to_users() -> dict[str, Table]:
    """Every table from which foreign keys lead to a user, however long the way."""
    reached = {_USERS}
    while True:
        tables = SQLModel.metadata.tables.values()
        more = {each.name for each in tables if any(key.column.table.name in reached for key in each.foreign_keys)}
        if more <= reached:
            return {each.name: each for each in SQLModel.metadata.sorted_tables if each.name in reached}
        reached |= more


def test_every_table_with_a_way_to_a_user_is_in_the_registry() -> None:
    assert {holding.name for holding in HOLDINGS} == set(_leads_to_users())
    assert set(SQLModel.metadata.tables) - set(_leads_to_users()) == _NOT_PERSONAL


async def _fill(tx: Tx, name: str) -> dict[str, str]:
    """One row of the user's in every table there is, each text with a mark of its own. Returns marks by column."""
    connection = await tx.connection()
    ids: dict[str, Any] = {}
    marks: dict[str, str] = {}
    for table in SQLModel.metadata.sorted_tables:
        values: dict[str, Any] = {}
        for column in table.columns:
            keys = list(column.foreign_keys)
            if column.name in _ONE_OF_THEIRS.get(table.name, {}):
                continue
            if keys:
                values[column.name] = ids.get(keys[0].column.table.name)
            elif not column.primary_key or _kind(column) is str or len(table.primary_key) > 1:
                values[column.name] = _value(table.name, column, marks)
        if table.name == "audit_log":
            values["id"] = 1_000_000
        if table.name == "audit_chain":
            continue
        if table.name == _USERS:
            values |= {"username": name, "is_active": True, "is_superuser": False, "delete_requested_at": None}
            values |= {"totp_enabled_at": None, "must_change_password": False}
        if table.name == "config":
            values["name"] = "openai_model"
        outcome = await connection.execute(table.insert().values(**values))
        ids[table.name] = outcome.inserted_primary_key[0] if outcome.inserted_primary_key else None
    return marks


def _kind(column: Any) -> type:
    """The Python type of a column, behind the decorators of ours and of SQLModel."""
    if isinstance(column.type, JSON):
        return dict
    return getattr(column.type, "impl", column.type).python_type


def _value(table: str, column: Any, marks: dict[str, str]) -> Any:
    if isinstance(column.type, Enum):
        return column.type.enums[-1]
    kind = _kind(column)
    if column.name in _KINDS:
        return _KINDS[column.name]
    if kind is str:
        marks[f"{table}.{column.name}"] = mark = f"~{next(_numbers)}~"
        return mark
    if kind is dict:
        marks[f"{table}.{column.name}"] = mark = f"~{next(_numbers)}~"
        return {"mark": mark} if column.name not in _LISTS else []
    if kind is bool:
        return True
    plain = {int: next(_numbers), float: 0.5, bytes: b"~", date: date(2026, 1, 1)}
    return {**plain, datetime: datetime(2026, 1, 1, tzinfo=UTC)}.get(kind, uuid4())


async def _everything() -> str:
    """All rows of all tables, as text."""
    said = ""
    async with reading() as tx:
        connection = await tx.connection()
        for table in SQLModel.metadata.sorted_tables:
            for row in (await connection.execute(table.select())).all():
                said += f"{table.name} {dict(row._mapping)}\n"
    return said


async def _somebody_with_everything(name: str = "leaver") -> tuple[Actor, dict[str, str]]:
    async with transaction() as tx:
        marks = await _fill(tx, name)
    async with reading() as tx:
        user = (await tx.exec(select(User).where(User.username == name))).one()
    return Actor(user.id, name), marks


async def test_everything_of_mine_is_exported_but_what_opens_doors() -> None:
    leaver, marks = await _somebody_with_everything()
    async with transaction() as tx:
        exported = await farewell.export_my_data(tx, leaver)
    text = json.dumps(exported)
    hidden = {f"{holding.name}.{column}" for holding in HOLDINGS for column in holding.hidden}
    for column, mark in marks.items():
        table = column.partition(".")[0]
        if table in _NOT_PERSONAL or column == "user_account.username" or mark not in await _everything():
            continue
        assert (mark in text) == (column not in hidden), column
    assert len(exported["container"]) == len(exported["webhook_delivery"]) == len(exported["file_template_item"]) == 1


async def test_nobody_elses_is_exported() -> None:
    _, marks = await _somebody_with_everything()
    other = await a_user("other")
    async with transaction() as tx:
        text = json.dumps(await farewell.export_my_data(tx, other))
    assert not [mark for mark in marks.values() if f'"{mark}"' in text]


async def test_nothing_of_who_left_remains_and_the_chain_holds() -> None:
    leaver, marks = await _somebody_with_everything()
    user_id = leaver.person_id
    async with transaction() as tx:
        await tx.delete((await tx.exec(select(Team).where(Team.owner_id == user_id))).one())
    async with transaction() as tx:
        await farewell.delete_user(tx, SYSTEM, user_id)
    await farewells.sweep()
    assert str(user_id) in await _everything(), "a container is still there"
    async with transaction() as tx:
        await tx.delete((await tx.exec(select(Container).where(Container.user_id == user_id))).one())
    await farewells.sweep()
    left = await _everything()
    mine = {column: mark for column, mark in marks.items() if column.partition(".")[0] not in _NOT_PERSONAL}
    kept = {"config.value", "config.description", "ai_usage_log.model", *(f"audit_log.{each}" for each in _CHAINED)}
    assert not {column for column, mark in mine.items() if f"'{mark}'" in left} - kept
    assert "leaver" not in left
    await _assert_chain_holds()


_CHAINED = ("action", "target_type", "target_id", "via", "private_digest", "hash")


async def _assert_chain_holds() -> None:
    async with reading() as tx:
        rows = (await tx.exec(select(AuditLog).where(col(AuditLog.id) < 1_000_000).order_by(col(AuditLog.id)))).all()
    before = ""
    for row in rows:
        assert row.hash == hash_of(row, before=before)
        before = row.hash


async def test_traces_of_who_left_say_what_was_done_and_not_by_whom() -> None:
    await a_user("leaver")
    with pytest.raises(BadCredentials):
        await signed_in("leaver", "a wrong password")
    leaver, sid = await signed_in("leaver")
    async with transaction() as tx:
        await farewell.delete_my_account(tx, leaver, PASSWORD)
    assert await identity.actor_for(sid) is None
    await farewells.sweep()
    assert "leaver" not in await _everything()
    async with reading() as tx:
        erased = (await tx.exec(select(AuditLog).where(col(AuditLog.erased_at).is_not(None)))).all()
    assert {row.action for row in erased} == {"user.create", "user.login", "account.delete"}
    await _assert_chain_holds()


async def test_the_account_goes_when_its_last_container_is_gone_and_not_before() -> None:
    leaver = await a_user("leaver")
    async with transaction() as tx:
        container = await a_container(tx, leaver, await a_node(tx))
    async with transaction() as tx:
        await farewell.delete_my_account(tx, leaver, PASSWORD)
    await farewells.sweep()
    async with reading() as tx:
        row = await tx.get_one(Container, container.id)
        user = await tx.get_one(User, leaver.user_id)
    assert row.delete_requested_at is not None
    assert not user.is_active
    async with transaction() as tx:  # as the reconciler does, at the end of the deletion
        await tx.delete(await tx.get_one(Container, container.id))
    await farewells.sweep()
    async with reading() as tx:
        assert await tx.get(User, leaver.user_id) is None


async def test_a_deletion_that_waits_leaves_no_trace_with_every_look() -> None:
    leaver = await a_user("leaver")
    async with transaction() as tx:
        await a_container(tx, leaver, await a_node(tx))
    async with transaction() as tx:
        await farewell.delete_my_account(tx, leaver, PASSWORD)
    before = await _everything()
    for _ in range(3):
        await farewells.sweep()
    assert await _everything() == before


async def test_a_wrong_password_deletes_nothing() -> None:
    ana = await a_user("ana")
    with pytest.raises(BadCredentials, match="not your present password"):
        async with transaction() as tx:
            await farewell.delete_my_account(tx, ana, "a wrong password")
    await signed_in("ana")


async def test_the_owner_of_a_team_hands_it_over_first() -> None:
    ana = await a_user("ana")
    async with transaction() as tx:
        tx.add(Team(name="Compilers", owner_id=ana.person_id))
    with pytest.raises(Conflict, match="“Compilers”"):
        async with transaction() as tx:
            await farewell.delete_my_account(tx, ana, PASSWORD)


async def test_the_last_administrator_cannot_leave() -> None:
    async with transaction() as tx:
        for each in (await tx.exec(select(User).where(col(User.is_superuser)))).all():
            await tx.delete(each)
    ada = await a_user("ada", is_superuser=True)
    with pytest.raises(Conflict, match="last administrator"):
        async with transaction() as tx:
            await farewell.delete_my_account(tx, ada, PASSWORD)


async def test_nobody_deletes_somebody_else() -> None:
    mallory, victim = await a_user("mallory"), await a_user("victim")
    with pytest.raises(Forbidden):
        async with transaction() as tx:
            await farewell.delete_user(tx, mallory, victim.person_id)
    with pytest.raises(Forbidden):
        async with transaction() as tx:
            await farewell.erase_user(tx, mallory, victim.person_id)
    await signed_in("victim")


async def test_the_export_is_a_file_for_its_owner_alone() -> None:
    await a_user("ana")
    _, sid = await signed_in("ana")
    async with visitor() as stranger:
        assert (await stranger.get("/api/account/export")).status_code == 401
    async with visitor(sid=sid) as browser:
        answer = await browser.get("/api/account/export")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["user_account"][0]["username"] == "ana"
