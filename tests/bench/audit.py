"""The administration's list of an audit log of a million rows: pages, filters and searches, on both databases."""

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from backend import db, settings
from backend.db import reading, transaction
from backend.events.bus import bus
from backend.migrations import migrate
from backend.models.base import now
from backend.rules.policy import SYSTEM
from backend.seed import seed
from backend.services.admin import listing
from backend.services.admin.listing import Ask
from tests import stores
from tests.bench.report import Figure, percentile, spread

_SCREEN = "internal_config/auditlog"
_ROWS = 1_000_000
_RUNS = 30
_BAR_MS = 150.0
_LONG_AGO = {"from": f"{now() - timedelta(days=300):%Y-%m-%d}", "to": f"{now() - timedelta(days=293):%Y-%m-%d}"}
_ASKED: dict[str, Ask] = {
    "page": Ask(),
    "the last page": Ask(page=200),
    "filter, user": Ask(filters={"user": "2"}),
    "filter, action": Ask(filters={"action": "container.power_on"}),
    "filter, refused": Ask(filters={"success": "no"}),
    "filter, nothing through it": Ask(filters={"via": "agent"}),
    "filter, a kind of target": Ask(filters={"target_type": "container"}),
    "filter, no such kind": Ask(filters={"target_type": "node"}),
    "filter, target": Ask(filters={"target_type": "container", "target": "77"}),
    "filter, a week long ago": Ask(filters=_LONG_AGO),
    "filters, user and refused": Ask(filters={"user": "2", "success": "no"}),
    "filters, user and nothing of it": Ask(filters={"user": "1", "action": "user.login"}),
    "filters, target and nobody": Ask(filters={"target_type": "container", "target": "77", "user": "4711"}),
    "filters, user and nothing through it": Ask(filters={"user": "1", "via": "agent"}),
    "filters, three and nothing of them": Ask(filters={"user": "1", "success": "no", "action": "user.login"}),
    "search, a word of every row": Ask(search="container"),
    "search, a word of every third": Ask(search="power"),
    "search, a rare word": Ask(search="zebra-otter-99999"),
    "search, a word of old rows": Ask(search="ancient"),
    "search, one letter": Ask(search="o"),
    "search, a digit": Ask(search="7"),
    "search, two common words": Ask(search="power otter refused"),
    "search, a word nobody wrote": Ask(search="nothingofthekind"),
    "search and filters": Ask(search="power", filters={"user": "2", "success": "no"}),
    "search in a week long ago": Ask(search="power", filters=_LONG_AGO),
}
_VALUES = """
    1 + n % 3, 'user' || n % 5000,
    CASE n % 3 WHEN 0 THEN 'container.power_on' WHEN 1 THEN 'container.create' ELSE 'user.login' END,
    'container', {key}, 'zebra-otter-' || n || CASE WHEN n < 100000 THEN ' ancient' ELSE '' END,
    '{{}}', '10.0.' || n % 256 || '.7', 'Firefox', 'web', n % 50 <> 0, {at}, '', ''
"""
_COLUMNS = (
    "user_id, actor_name, action, target_type, target_id, message, metadata, ip, user_agent, via, success, "
    "created_at, private_digest, hash"
)


async def measure() -> list[Figure]:
    """Fifty rows each, newest first."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        figures += await _of(f"sqlite:///{Path(folder)}/audit.sqlite3", "SQLite")
    with stores.postgres() as server:
        figures += await _of(stores.create_database(server, "bench_audit"), "PostgreSQL")
    return figures


async def _of(url: str, kind: str) -> list[Figure]:
    os.environ["DATABASE_URL"] = url
    settings.settings.cache_clear()
    bus.cache_clear()
    try:
        await migrate()
        await seed()
        await (_fill_sqlite() if kind == "SQLite" else _fill_postgresql())
        return [await _asked(f"audit of 1,000,000, {name}, {kind}", ask) for name, ask in _ASKED.items()]
    finally:
        await db.dispose()


async def _asked(name: str, ask: Ask) -> Figure:
    taken_ms: list[float] = []
    for _ in range(_RUNS + 1):
        began = time.perf_counter()
        async with reading() as tx:
            await listing.list_rows(tx, SYSTEM, _SCREEN, ask)
        taken_ms.append((time.perf_counter() - began) * 1000)
    taken_ms = taken_ms[1:]  # the first finds the connection's caches cold
    return Figure(name, percentile(taken_ms, 0.95), "ms", _RUNS, _BAR_MS, detail=spread(taken_ms))


async def _fill_sqlite() -> None:
    """Rows first and the index after: the same as the triggers make, in a fraction of the time."""
    at = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ((1000000 - n) * 30) || ' seconds')"
    values = _VALUES.format(key="n % 9000", at=at)
    async with transaction() as tx:
        connection = await tx.connection()
        found = await connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'audit_log_put'"))
        trigger = str(found.scalar_one())
        await _run(connection, "DROP TRIGGER audit_log_put")
        await _users(connection)
        await _run(
            connection,
            f"WITH RECURSIVE each (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM each WHERE n < {_ROWS}) "
            f"INSERT INTO audit_log (id, {_COLUMNS}) SELECT 1000 + n, {values} FROM each",
        )
        words = trigger.partition("(new.id,")[2].rpartition(");")[0].replace("new.", "")
        await _run(
            connection,
            f"INSERT INTO audit_search (rowid, words) SELECT id, {words} FROM audit_log WHERE id > 1000",
        )
        await _run(connection, trigger)


async def _fill_postgresql() -> None:
    values = _VALUES.format(key="(n % 9000)::text", at=f"now() - ({_ROWS} - n) * interval '30 seconds'")
    async with transaction() as tx:
        connection = await tx.connection()
        found = await connection.execute(
            text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'audit_log' AND indexname LIKE 'ix%'")
        )
        indexes = found.all()
        for name, _ in indexes:
            await _run(connection, f"DROP INDEX {name}")
        await _users(connection)
        await _run(
            connection,
            f"INSERT INTO audit_log (id, {_COLUMNS}) SELECT 1000 + n, {values} FROM generate_series(1, {_ROWS}) AS n",
        )
        for _, definition in indexes:
            await _run(connection, str(definition))
        await _run(connection, "ANALYZE audit_log")


async def _run(connection, statement: str) -> None:
    await connection.execute(text(statement))


async def _users(connection) -> None:
    for number in (2, 3):
        await _run(
            connection,
            "INSERT INTO user_account (id, username, display_name, email, password_hash, must_change_password, "
            "totp_secret_sealed, totp_last_step, is_superuser, is_active, created_at) VALUES "
            f"({number}, 'bench{number}', '', '', '!', false, '', 0, false, true, CURRENT_TIMESTAMP)",
        )
