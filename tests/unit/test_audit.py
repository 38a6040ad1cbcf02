"""The audit log for its readers: filters, words, whose rows, the file, and the check of the chain."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import col, select, update

from backend import settings
from backend.api.app import make_api
from backend.audit import record
from backend.db import reading, transaction
from backend.errors import Forbidden, NotFound
from backend.models import AIUsageLog, AuditChain, AuditLog
from backend.models.base import now
from backend.rules.policy import NOBODY, SYSTEM
from backend.services import audit, config, identity
from backend.services.audit_chain import ChainReport
from backend.services.audit_search import Wanted, audit_matches
from backend.tasks import retention
from tests.asgi import ORIGIN
from tests.factories import a_container, a_node, an_actor

pytestmark = pytest.mark.usefixtures("database")


async def _written(*rows: AuditLog) -> None:
    async with transaction() as tx:
        for row in rows:
            record(tx, row)


async def _found(**asked: Any) -> list[str]:
    async with reading() as tx:
        page = await audit.list_audit(tx, SYSTEM, Wanted(**{"via": "test", **asked}))
    return [row.message for row in page.rows]


def _row(message: str, **more: Any) -> AuditLog:
    return AuditLog(**{"action": "container.power_on", "via": "test", "message": message, **more})


async def test_rows_are_found_by_what_stands_in_their_columns() -> None:
    async with transaction() as tx:
        person = await an_actor(tx)
    await _written(
        _row("third", created_at=now() - timedelta(days=40)),
        _row("first", user_id=person.user_id, target_type="container", target_id="7"),
        _row("second", action="user.login", success=False, target_type="user", target_id="7"),
    )
    assert await _found() == ["second", "first", "third"]
    assert await _found(user_id=person.user_id) == ["first"]
    assert await _found(action="user.login") == ["second"]
    assert await _found(target_type="container", target_id="7") == ["first"]
    assert await _found(success=False) == ["second"]
    assert await _found(until=now() - timedelta(days=30)) == ["third"]
    assert await _found(since=now() - timedelta(days=30), success=True) == ["first"]
    assert await _found(via="agent") == []


async def test_words_are_found_wherever_they_stand_and_the_last_may_be_begun() -> None:
    await _written(
        _row("“calm-otter” was made", ip="203.0.113.77"),
        _row("Grüße aus Zürich", actor_name="zoe"),
        _row("100 % of /etc/passwd_old, it's a\\b:c|d", success=False),
    )
    assert await _found(text="calm otter") == await _found(text="otter CALM") == ["“calm-otter” was made"]
    assert await _found(text="calm-ott") == await _found(text="203.0.113.7") == ["“calm-otter” was made"]
    assert await _found(text="cal otter") == []
    assert await _found(text="zür") == await _found(text="ZOE grüße") == ["Grüße aus Zürich"]
    assert len(await _found(text="power_on")) == 3
    assert await _found(text="passwd old") == await _found(text="power", success=False)
    assert await _found(text="otter", success=False) == []
    assert await _found(text="calm", since=now() - timedelta(hours=1)) == ["“calm-otter” was made"]
    assert await _found(text="calm", until=now() - timedelta(hours=9)) == []


async def test_several_filters_hold_at_once_in_what_is_old_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.services.audit_search._RECENT", 2)
    ways = [(via, success, number) for number in (7, 8) for via in ("web", "cli") for success in (True, False)] * 2
    await _written(
        *(
            _row(f"{at}", via=via, success=fine, target_type="container", target_id=f"{number}")
            for at, (via, fine, number) in enumerate(ways)
        )
    )
    for via, success, number in ways:
        wanted = [f"{at}" for at, each in enumerate(ways) if each == (via, success, number)]
        assert await _found(via=via, success=success, target_type="container", target_id=f"{number}") == wanted[::-1]
    halves = [f"{at}" for at, each in enumerate(ways) if each[0] == "cli" and each[1]]
    assert await _found(via="cli", success=True) == halves[::-1]
    assert await _found(target_type="container", target_id="9", via="web") == []
    assert len(await _found(via="", target_type="container")) == len(ways)
    assert await _found(via="", target_type="node") == []


@pytest.mark.parametrize(
    "said",
    ['"', "'", "* OR 1", "a:b", "NEAR(a b)", ")", "&|!", "\\", "😀", "%_", "x" * 5000, "a " * 500, "NOT calm", "-"],
)
async def test_whatever_is_typed_is_only_words(said: str) -> None:
    await _written(_row("calm"))
    assert await _found(text=said) == []


async def test_words_are_found_in_what_is_old_and_pages_have_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.services.audit_search._RECENT", 3)
    await _written(*(_row(f"row {number} {'odd' if number % 2 else 'even'}") for number in range(40)))
    found, before_id = [], None
    while True:
        async with reading() as tx:
            page = await audit.list_audit(tx, SYSTEM, Wanted(text="odd"), before_id=before_id, limit=3)
        found += [row.message for row in page.rows]
        if (before_id := page.next_before_id) is None:
            break
    assert found == [f"row {number} odd" for number in range(39, 0, -2)]
    async with reading() as tx:
        condition = await audit_matches(tx, Wanted(text="even"), limit=4)
        rows = (await tx.exec(select(AuditLog.message).where(condition).order_by(col(AuditLog.id)))).all()
    assert rows == [f"row {number} even" for number in (32, 34, 36, 38)]


async def test_what_is_changed_or_erased_is_no_longer_found_by_its_old_words() -> None:
    await _written(_row("a secret name"))
    async with transaction() as tx:
        await tx.exec(update(AuditLog).where(AuditLog.message == "a secret name").values(message=""))
    assert await _found(text="secret") == []


async def test_only_admins_read_export_check_and_prune() -> None:
    async with transaction() as tx:
        person = await an_actor(tx)
    for work in (
        lambda tx: audit.list_audit(tx, person),
        lambda tx: audit.begin_export(tx, person, Wanted(), "csv"),
        lambda tx: audit.verify_chain(tx, person),
        lambda tx: audit.prune(tx, person),
    ):
        async with reading() as tx:
            with pytest.raises(Forbidden):
                await work(tx)


async def test_a_person_reads_what_they_did_and_what_was_done_to_their_account() -> None:
    async with transaction() as tx:
        me, other = await an_actor(tx), await an_actor(tx)
    about_me = {"target_type": "user", "target_id": str(me.user_id)}
    await _written(
        _row("mine", user_id=me.user_id, ip="192.0.2.1"),
        _row("by an admin", user_id=other.user_id, ip="192.0.2.2", **about_me),
        _row("a guess", action="user.login", success=False, target_type="user", target_id=me.username, ip="192.0.2.3"),
        _row("of one named like my number", action="user.login", success=False, **about_me),
        _row("another's", user_id=other.user_id),
        _row("before me", created_at=now() - timedelta(days=9), **about_me),
    )
    async with reading() as tx:
        rows = (await audit.get_user_logs(tx, me, me.person_id)).rows
        with pytest.raises(NotFound):
            await audit.get_user_logs(tx, me, other.person_id)
        with pytest.raises(NotFound):
            await audit.get_user_logs(tx, me, 2**40)
    assert [(row.message, row.ip) for row in rows] == [
        ("a guess", "192.0.2.3"), ("by an admin", ""), ("mine", "192.0.2.1")
    ]  # fmt: skip


async def test_an_owner_reads_what_was_done_to_a_container_and_nobody_else_does() -> None:
    async with transaction() as tx:
        owner, other = await an_actor(tx), await an_actor(tx)
        container = await a_container(tx, owner, await a_node(tx))
    its = {"target_type": "container", "target_id": str(container.id)}
    await _written(
        _row("made", user_id=owner.user_id, **its),
        _row("stopped", user_id=other.user_id, ip="192.0.2.2", **its),
        _row("not-found: a stranger tried", user_id=other.user_id, success=False, **its),
        _row("of one that had the number before", created_at=now() - timedelta(days=9), **its),
    )
    async with reading() as tx:
        rows = (await audit.get_machine_logs(tx, owner, container.id)).rows
        assert [(row.message, row.ip) for row in rows] == [("stopped", ""), ("made", "")]
        for actor, number in ((other, container.id), (owner, 0), (owner, 2**40)):
            with pytest.raises(NotFound):
                await audit.get_machine_logs(tx, actor, number or 0)


async def _verified() -> ChainReport:
    async with reading(snapshot=True) as tx:
        return await audit.verify_chain(tx, SYSTEM)


async def _sql(statement: str) -> None:
    async with transaction() as tx:
        await (await tx.connection()).execute(text(statement))


@pytest.fixture
async def first_id() -> int:
    """Of ten rows, which are the chain's last."""
    async with transaction() as tx:
        person = await an_actor(tx)
    await _written(*(_row(f"row {number}", user_id=person.user_id) for number in range(10)))
    async with reading() as tx:
        end = (await tx.exec(select(AuditChain))).one()
    assert (await _verified()).holds
    return end.last_id - 9


_COLUMNS = [name for name in AuditLog.model_fields if name not in ("id", "erased_at")]


@pytest.mark.parametrize("column", _COLUMNS)
async def test_a_change_of_any_column_shows(first_id: int, column: str) -> None:
    values: dict[str, Any] = {
        "user_id": None, "details": {"x": 1}, "success": False, "created_at": now() + timedelta(microseconds=1)
    }  # fmt: skip
    async with transaction() as tx:
        change = {column: values.get(column, "x")}
        await tx.exec(update(AuditLog).where(col(AuditLog.id) == first_id + 4).values(**change))
    report = await _verified()
    assert [fault.row_id for fault in report.faults] == [first_id + 4]


_ATTACKS: dict[str, tuple[Callable[[int], list[str]], str]] = {
    "the first row goes": (lambda n: ["DELETE FROM audit_log WHERE id = (SELECT min(id) FROM audit_log)"], "missing"),
    "a middle row goes": (lambda n: [f"DELETE FROM audit_log WHERE id = {n + 4}"], "missing"),
    "the last row goes": (lambda n: [f"DELETE FROM audit_log WHERE id = {n + 9}"], "missing"),
    "the last rows go, and the end is moved": (
        lambda n: [
            f"DELETE FROM audit_log WHERE id > {n + 4}",
            f"UPDATE audit_chain SET last_id = {n + 4}, last_hash = (SELECT hash FROM audit_log WHERE id = {n + 4})",
        ],
        "ends was changed",
    ),
    "the first rows go, and the beginning is moved": (
        lambda n: [
            f"UPDATE audit_chain SET first_id = {n + 1}, before_first = (SELECT hash FROM audit_log WHERE id = {n})",
            f"DELETE FROM audit_log WHERE id <= {n}",
        ],
        "ends was changed",
    ),
    "two rows are swapped": (
        lambda n: [
            f"UPDATE audit_log SET id = 900000 WHERE id = {n + 2}",
            f"UPDATE audit_log SET id = {n + 2} WHERE id = {n + 3}",
            f"UPDATE audit_log SET id = {n + 3} WHERE id = 900000",
        ],
        "not what was written",
    ),
    "a row is put in behind": (lambda n: [_copy(n, n + 10)], "put in"),
    "a row is put in before": (lambda n: [_copy(n, 0)], "put in"),
    "the record of the ends goes": (lambda n: ["DELETE FROM audit_chain"], "is gone"),
    "a row is emptied, and said to be erased": (
        lambda n: [f"UPDATE audit_log SET erased_at = CURRENT_TIMESTAMP, message = 'other' WHERE id = {n + 4}"],
        "personal part",
    ),
}


def _copy(n: int, to: int) -> str:
    columns = ", ".join({"details": "metadata"}.get(name, name) for name in AuditLog.model_fields if name != "id")
    return f"INSERT INTO audit_log (id, {columns}) SELECT {to}, {columns} FROM audit_log WHERE id = {n}"


@pytest.mark.parametrize("attack", _ATTACKS)
async def test_what_is_taken_out_put_in_or_turned_round_shows(first_id: int, attack: str) -> None:
    statements, word = _ATTACKS[attack]
    for statement in statements(first_id):
        await _sql(statement)
    report = await _verified()
    assert word in " ".join(fault.sentence for fault in report.faults)


async def test_a_chain_that_was_begun_anew_shows(first_id: int) -> None:
    await _sql("DELETE FROM audit_chain")
    await _written(_row("as if nothing had been"))
    report = await _verified()
    assert "begun anew" in report.faults[0].sentence


async def test_another_key_makes_no_chain_that_holds(first_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "not the one it was")
    settings.settings.cache_clear()
    assert len((await _verified()).faults) == 2
    monkeypatch.undo()
    settings.settings.cache_clear()
    assert (await _verified()).holds


async def test_old_rows_go_in_batches_and_the_chain_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.services.audit._PRUNED_AT_ONCE", 4)
    old = now() - timedelta(days=400)
    async with transaction() as tx:
        await tx.exec(update(AuditLog).values(created_at=old))
        await _restart_chain(tx)
        tx.add(AIUsageLog(query="old", created_at=old))
        tx.add(AIUsageLog(query="new"))
    await _written(*(_row(f"old {number}", created_at=old) for number in range(9)), _row("new"))
    assert await retention.sweep() >= 10
    assert await retention.sweep() == 0
    assert await _found() == ["new"]
    report = await _verified()
    assert (report.faults, report.before_chain) == ([], 0)
    async with reading() as tx:
        assert (await tx.exec(select(AIUsageLog.query))).all() == ["new"]


async def _restart_chain(tx: Any) -> None:
    """The rows that the template came with were just made old by hand: they are not of this chain any more."""
    await (await tx.connection()).execute(text("DELETE FROM audit_log"))
    await (await tx.connection()).execute(
        text("UPDATE audit_chain SET first_id = 1, last_id = 0, before_first = '', last_hash = '', seal = ''")
    )


async def test_two_processes_that_prune_at_once_break_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr("backend.services.audit._PRUNED_AT_ONCE", 3)
    async with transaction() as tx:
        await _restart_chain(tx)
    old = now() - timedelta(days=400)
    await _written(*(_row(f"old {number}", created_at=old) for number in range(20)))
    await asyncio.gather(retention.sweep(), retention.sweep(), _written(_row("meanwhile")))
    assert await _found() == ["meanwhile"]
    assert (await _verified()).holds


async def test_for_ever_is_for_ever() -> None:
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "audit_retention_days", "0")
    await _written(_row("old", created_at=now() - timedelta(days=4000)))
    assert await retention.sweep() == 0
    assert await _found() == ["old"]


async def _signed_in(*, is_superuser: bool) -> httpx.AsyncClient:
    name = "boss" if is_superuser else "mallory"
    async with transaction() as tx:
        await identity.create_user(
            tx, SYSTEM, username=name, password="correct horse battery", is_superuser=is_superuser
        )
    async with transaction() as tx:
        sid, _ = await identity.sign_in(tx, NOBODY, name, "correct horse battery")
    transport = httpx.ASGITransport(make_api(), client=("203.0.113.7", 1))
    return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Cookie": f"sid={sid}"})


async def test_the_log_is_exported_with_its_filters_and_opens_no_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.services.audit_export._BATCH", 2)
    await _written(
        _row("=HYPERLINK(1)", target_id="-1"), _row('a "quoted", line'), _row("c"), _row("d", action="user.login")
    )
    async with await _signed_in(is_superuser=True) as client:
        answer = await client.get("/api/audit/export/?via=test&action=container.power_on")
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["message"] for row in rows] == ["c", 'a "quoted", line', "'=HYPERLINK(1)"]
        assert rows[-1]["target_id"] == "'-1"
        answer = await client.get("/api/audit/export/?format=jsonl&via=test&text=quot")
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [line["message"] for line in lines] == ['a "quoted", line']
        assert (await client.get("/api/audit/export/?format=exe")).status_code == 422
        assert (await client.get("/api/audit/export/?user_id=99999999999")).status_code == 422
        assert (await client.get("/api/audit/export/?text=%00&action=%00")).status_code == 200
    async with reading() as tx:
        exports = (await audit.list_audit(tx, SYSTEM, Wanted(action="audit.export"))).rows
    assert exports[1].details == {"asked": {"via": "test", "text": "quot"}}


async def test_nobody_else_gets_the_file() -> None:
    async with await _signed_in(is_superuser=False) as client:
        assert (await client.get("/api/audit/export/")).status_code == 403
        client.headers.pop("Cookie")
        assert (await client.get("/api/audit/export/")).status_code == 401
    async with reading() as tx:
        refused = (await audit.list_audit(tx, SYSTEM, Wanted(action="audit.export", success=False))).rows
    assert [row.actor_name for row in refused] == ["", "mallory"][1:]
