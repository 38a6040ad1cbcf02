"""Checking the audit log: whether each row is what was written, and none is missing or was put in."""

from dataclasses import dataclass

from sqlmodel import col, func, select

from backend.audit import hash_of, private_holds, seal_of
from backend.db import Tx
from backend.models import AuditChain, AuditLog

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not hold, as a sentence; `row_id` where it is about one row."""

    sentence: str
    row_id: int | None = None


@dataclass(slots=True)
class ChainReport:
    """What a check found. `faults` has the first row that does not hold, and what is wrong with the chain's ends."""

    faults: list[Fault]
    checked: int = 0
    erased: int = 0
    """Rows whose personal part went with an account."""
    before_chain: int = 0
    """Rows from before there was a chain: nothing vouches for them."""
    last_id: int = 0
    last_hash: str = ""

    @property
    def holds(self) -> bool:
        return not self.faults


async def walk(tx: Tx) -> ChainReport:
    """Read the whole log in the order of ids, a batch at a time."""
    end = (await tx.exec(select(AuditChain))).first()
    if end is None:
        count = (await tx.exec(select(func.count()).select_from(AuditLog))).one()
        return ChainReport([Fault("The record of the chain's ends is gone.")] if count else [], before_chain=count)
    report = ChainReport([], last_id=end.last_id, last_hash=end.last_hash)
    if fault := await _rows(tx, end, report):
        report.faults.append(fault)
    report.faults += await _ends(tx, end, report)
    return report


async def _rows(tx: Tx, end: AuditChain, report: ChainReport) -> Fault | None:
    """The first row that does not hold."""
    last_id, before = end.first_id - 1, end.before_first
    while True:
        query = select(AuditLog).where(col(AuditLog.id) > last_id).order_by(col(AuditLog.id)).limit(_BATCH)
        rows = (await tx.exec(query)).all()
        for row in rows:
            if fault := _row(row, last_id, before, end):
                return fault
            last_id, before = row.id, row.hash
            report.checked += 1
            report.erased += row.erased_at is not None
        tx.expunge_all()
        if len(rows) < _BATCH:
            break
    if last_id < end.last_id:
        return Fault(f"Rows are missing: {_span(last_id + 1, end.last_id)}.", last_id + 1)
    if before != end.last_hash:
        return Fault("The chain does not end with its last row.", last_id)
    return None


def _row(row: AuditLog, last_id: int, before: str, end: AuditChain) -> Fault | None:
    row_id = row.id
    if row_id > end.last_id:
        return Fault(f"Row {row_id} stands behind the end of the chain: it was put in.", row_id)
    if row_id != last_id + 1:
        return Fault(f"Rows are missing: {_span(last_id + 1, row_id - 1)}.", last_id + 1)
    if row.hash != hash_of(row, before=before):
        return Fault(f"Row {row_id} is not what was written there.", row_id)
    if not private_holds(row):
        return Fault(f"The personal part of row {row_id} is not what was written there.", row_id)
    return None


async def _ends(tx: Tx, end: AuditChain, report: ChainReport) -> list[Fault]:
    faults: list[Fault] = []
    is_fresh = not (end.seal or end.last_hash or end.before_first)
    if not is_fresh and end.seal != seal_of(end):
        faults.append(Fault("The record of the chain's ends was changed, or SECRET_KEY is not the one it had."))
    older = select(func.count()).select_from(AuditLog).where(col(AuditLog.id) < end.first_id)
    report.before_chain = (await tx.exec(older)).one()
    chained = (await tx.exec(older.where(col(AuditLog.hash) != ""))).one()
    put_in = (await tx.exec(older.where(col(AuditLog.id) < 1))).one()
    if put_in or (report.before_chain and end.before_first):
        faults.append(Fault(f"Rows stand before the beginning of the chain, row {end.first_id}: they were put in."))
    elif chained:
        faults.append(Fault(f"The chain was begun anew at row {end.first_id}; {chained} rows before it were in one."))
    return faults


def _span(first: int, last: int) -> str:
    return f"row {first}" if first == last else f"rows {first} to {last}"
