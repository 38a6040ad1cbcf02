"""Finding rows of the audit log, newest first, however many there are: by what stands in columns, and by words.

The words of each row are indexed by the database itself (the migration says how): FTS5 on SQLite, GIN on PostgreSQL.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, text, true, tuple_
from sqlalchemy import select as sa_select
from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import AuditLog

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 8
_LONGEST_WORD = 64
_NO_WORD = "xnothing"
_MOST_AT_ONCE = 4000
_RECENT = 2000
"""Rows that are looked through one by one before the index is asked."""
_SLACK = timedelta(hours=1)
"""Ids follow the order of commits, times that of the work: they disagree by less than this."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows. What is None or empty does not matter; times are aware; `text` is words, the last may be begun."""

    user_id: int | None = None
    action: str = ""
    target_type: str = ""
    target_id: str = ""
    success: bool | None = None
    via: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


async def audit_matches(tx: Tx, wanted: Wanted, *, limit: int = 1000) -> ColumnElement[bool]:
    """A condition on AuditLog for lists that build their own query: among the newest `limit` rows that are wanted."""
    return col(AuditLog.id).in_([row.id for row in await newest(tx, wanted, limit=limit)])


def needs_words(wanted: Wanted) -> bool:
    """It is the index of words that finds these rows: every index of a column could hold a million that don't fit."""
    target = [each for each in (wanted.target_type, wanted.target_id) if each]
    others = (wanted.user_id, wanted.action or None, wanted.via or None, wanted.success)
    return bool(wanted.text.strip()) or len(target) == 1 or sum(each is not None for each in others) + bool(target) > 1


def words_of(said: str, *, at_most: int | None = _MOST_WORDS) -> list[str]:
    """The words in a text, as the index has them; where there are none, one that no row has."""
    return [word[:_LONGEST_WORD] for word in _WORD.findall(said.lower())][:at_most] or [_NO_WORD]


async def newest(tx: Tx, wanted: Wanted, *, before_id: int | None = None, limit: int) -> list[AuditLog]:
    """The newest rows that are wanted, of those that come behind the row `before_id`.

    By time, where a column is asked; by id, which is as good, where words are, or columns that no one index serves.
    """
    if needs_words(wanted):
        return await _newest_with_words(tx, wanted, before_id, limit)
    return await newest_of(tx, _conditions(wanted), before_id=before_id, limit=limit)


async def newest_of(
    tx: Tx, conditions: Sequence[ColumnElement[bool]], *, before_id: int | None, limit: int
) -> list[AuditLog]:
    """The newest rows for which all conditions hold, of those that come behind the row `before_id`."""
    at, row_id = col(AuditLog.created_at), col(AuditLog.id)
    query = select(AuditLog).where(*conditions).order_by(at.desc(), row_id.desc()).limit(limit)
    if before_id is not None:
        before_at = (await tx.exec(select(AuditLog.created_at).where(row_id == before_id))).first()
        behind = row_id < before_id if before_at is None else tuple_(at, row_id) < tuple_(before_at, before_id)
        query = query.where(behind)
    return list((await tx.exec(query)).all())


async def _newest_with_words(tx: Tx, wanted: Wanted, before_id: int | None, limit: int) -> list[AuditLog]:
    """A common word is found among the latest rows; only then is the index asked, which gathers all that it has."""
    asked = _Asked(words_of(wanted.text) if wanted.text.strip() else [], _words_for_filters(wanted))
    fits = case((and_(true(), *_conditions(wanted)), 1), else_=0) == 1  # in these words no index is taken for it
    above, end = await _span(tx, wanted)
    below = min(each for each in (before_id, end, await _end(tx)) if each is not None)
    floor = max(above + 1, below - _RECENT)
    found = await _rows(tx, await _recent(tx, asked, fits, (floor - 1, below), limit), fits)
    below, chunk = floor, limit
    while len(found) < limit and below > above + 1:
        ids = await _indexed(tx, asked, (above, below), chunk)
        found += await _rows(tx, ids, fits)
        if len(ids) < chunk:
            break
        below, chunk = ids[-1], min(4 * chunk, _MOST_AT_ONCE)
    return found[:limit]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Words that a row has to have; the last of those that were typed, if any were, may be the beginning of one."""

    said: list[str]
    exact: list[str]

    @property
    def on_sqlite(self) -> str:
        return " ".join(f'"{word}"' for word in [*self.exact, *self.said]) + ("*" if self.said else "")

    @property
    def on_postgresql(self) -> str:
        return " & ".join(f"'{word}'" for word in [*self.exact, *self.said]) + (":*" if self.said else "")

    def stands_in(self, text: str) -> bool:
        """Whether what was typed is in a row's text, as the index would have it."""
        if not self.said:
            return True
        if not all(word in text for word in self.said):
            return False
        words = words_of(text, at_most=None)
        *whole, last = self.said
        return all(word in words for word in whole) and any(word.startswith(last) for word in words)


async def _recent(tx: Tx, asked: _Asked, fits: ColumnElement[bool], between: tuple[int, int], limit: int) -> list[int]:
    """Ids of wanted rows with the words, newest first, both ends excluded; the rows are looked at, which are few."""
    row_id, connection = col(AuditLog.id), await tx.connection()
    of_late = [fits, row_id > between[0], row_id < between[1]]
    if tx.get_bind().dialect.name == "postgresql":
        has_words = text("audit_log.words @@ to_tsquery('simple', :q)").bindparams(q=asked.on_postgresql)
        ids = select(AuditLog.id).where(*of_late, has_words).order_by(row_id.desc()).limit(limit)
        return list((await tx.exec(ids)).all())
    query = sa_select(row_id, *(col(each) for each in _READ)).where(*of_late).order_by(row_id.desc())
    rows = (await connection.execute(query)).all()
    return [row[0] for row in rows if asked.stands_in(" ".join(map(str, row[1:])).lower())][:limit]


async def _indexed(tx: Tx, asked: _Asked, between: tuple[int, int], limit: int) -> list[int]:
    """Ids of rows with the words, newest first, both ends excluded; the index is asked."""
    values: dict[str, Any] = {"above": between[0], "below": between[1], "limit": limit}
    if tx.get_bind().dialect.name == "postgresql":
        return await _ids(tx, _POSTGRESQL, {**values, "q": asked.on_postgresql})
    return await _ids(tx, _SQLITE, {**values, "q": asked.on_sqlite})


async def _rows(tx: Tx, ids: list[int], fits: ColumnElement[bool]) -> list[AuditLog]:
    if not ids:
        return []
    query = select(AuditLog).where(col(AuditLog.id).in_(ids), fits).order_by(col(AuditLog.id).desc())
    return list((await tx.exec(query)).all())


async def _ids(tx: Tx, statement: str, values: dict[str, Any]) -> list[int]:
    rows = await (await tx.connection()).execute(text(statement), values)
    return [int(row[0]) for row in rows]


async def _end(tx: Tx) -> int:
    return ((await tx.exec(select(func.max(AuditLog.id)))).one() or 0) + 1


_READ = (
    AuditLog.actor_name,
    AuditLog.action,
    AuditLog.target_type,
    AuditLog.target_id,
    AuditLog.message,
    AuditLog.ip,
    AuditLog.via,
)
_SQLITE = (
    "SELECT rowid FROM audit_search WHERE audit_search MATCH :q AND rowid > :above AND rowid < :below "
    "ORDER BY rowid DESC LIMIT :limit"
)
_POSTGRESQL = (  # materialized: else it goes through the table from its end, in the hope of the word
    "WITH hit AS MATERIALIZED (SELECT id FROM audit_log WHERE words @@ to_tsquery('simple', :q)) "
    "SELECT id FROM hit WHERE id > :above AND id < :below ORDER BY id DESC LIMIT :limit"
)


def _words_for_filters(wanted: Wanted) -> list[str]:
    """Words that only rows have which pass the filters: then a common word and a rare filter meet in the index."""
    columns = (wanted.action, wanted.target_type, wanted.target_id, wanted.via)
    exact = [word for value in columns if value for word in words_of(value)]
    if wanted.user_id is not None:
        exact.append(f"xuser{wanted.user_id}")
    if wanted.success is not None:
        exact.append("xdone" if wanted.success else "xrefused")
    return exact


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, value in (
        (AuditLog.user_id, wanted.user_id),
        (AuditLog.action, wanted.action or None),
        (AuditLog.target_type, wanted.target_type or None),
        (AuditLog.target_id, wanted.target_id or None),
        (AuditLog.via, wanted.via or None),
        (AuditLog.success, wanted.success),
    ):
        if value is not None:
            conditions.append(col(column) == value)
    if wanted.since is not None:
        conditions.append(col(AuditLog.created_at) >= wanted.since)
    if wanted.until is not None:
        conditions.append(col(AuditLog.created_at) < wanted.until)
    return conditions


async def _span(tx: Tx, wanted: Wanted) -> tuple[int, int | None]:
    """Ids between which all rows of the wanted time are: the index of words knows no times."""
    at, above, below = col(AuditLog.created_at), 0, None
    if wanted.since is not None:
        query = select(AuditLog.id).where(at < wanted.since - _SLACK).order_by(at.desc()).limit(1)
        above = (await tx.exec(query)).first() or 0
    if wanted.until is not None:
        query = select(AuditLog.id).where(at >= wanted.until + _SLACK).order_by(at).limit(1)
        below = (await tx.exec(query)).first()
    return above, below
