"""What slows down guessing: failures are counted by name and by address, and each costs more than the one before."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlmodel import col, delete, select

from backend.db import Tx, insert_if_absent, transaction
from backend.errors import BadCredentials, PequerokuError, Throttled
from backend.models import LoginThrottle
from backend.models.base import now
from backend.rules import throttle

under_way: Counter[str] = Counter()
"""By throttle key: attempts whose outcome is not written down yet. Many at once would each be the first otherwise."""


def keys_of(name: str, ip: str) -> list[str]:
    """What an attempt at a user's account is counted by. The name comes first."""
    return [f"name:{name.lower()}", *address_keys("ip", ip)]


def address_keys(kind: str, ip: str) -> list[str]:
    """What attempts of one kind from one place are counted by; nothing where the place is not known."""
    return [f"{kind}:{throttle.source_of(ip)}"] if ip else []


@asynccontextmanager
async def attempt(tx: Tx, keys: list[str], *, each_counts: bool = False) -> AsyncGenerator[None]:
    """Around the check of a secret: refused while its keys have to wait, and counted when it fails.

    It looks with the connection that `tx` has: one more for each of many attempts at once would leave nobody any.

    Args:
        each_counts: successes and refusals of any kind are counted as well, for what may not be done often.

    Raises:
        Throttled: too many attempts.
    """
    await refuse_too_soon(tx, keys)
    under_way.update(keys)
    try:
        yield
        if each_counts:
            await _add(tx, keys)
    except PequerokuError as refusal:
        if not each_counts and not isinstance(refusal, BadCredentials):
            _is_over(keys)
            raise
        tx.after_refusal.append(lambda: _count(keys))
        raise
    except BaseException:
        _is_over(keys)
        raise
    _is_over(keys)


async def refuse_too_soon(tx: Tx, keys: list[str]) -> None:
    """Nobody is looked at whose keys have to wait.

    Raises:
        Throttled: one of them has.
    """
    rows = (await tx.exec(select(LoginThrottle).where(col(LoginThrottle.key).in_(keys)))).all()
    known = {row.key: (row.failures, row.last_failure_at) for row in rows}
    for key in keys:
        failures, last = known.get(key, (0, now()))
        if pending := under_way[key]:
            failures, last = failures + pending, now()
        if wait := throttle.wait_s(failures, last, at=now()):
            raise Throttled(wait)


async def forgive(tx: Tx, keys: list[str]) -> None:
    """It was the right password: what was mistyped of this name is forgotten, of its address too.

    Failures of other names from there stay, or who knows one password could guess at all the others for ever.
    """
    name, *_ = rows = [await tx.get(LoginThrottle, key, with_for_update=True) for key in keys]
    mistyped = name.failures if name else 0
    for row in rows:
        if row is not None and row.failures <= mistyped:
            await tx.delete(row)
        elif row is not None:
            row.failures -= mistyped


async def sweep(tx: Tx) -> None:
    """What is forgotten by the rules is of no use to anybody."""
    await tx.exec(delete(LoginThrottle).where(col(LoginThrottle.last_failure_at) <= now() - throttle.FORGET_AFTER))


def _is_over(keys: list[str]) -> None:
    for key in keys:
        under_way[key] -= 1
        if under_way[key] <= 0:
            del under_way[key]


async def _count(keys: list[str]) -> None:
    try:
        async with transaction() as tx:
            await _add(tx, keys)
    finally:
        _is_over(keys)


async def _add(tx: Tx, keys: list[str]) -> None:
    for key in keys:
        row = await _row(tx, key)
        forgotten = now() - row.last_failure_at >= throttle.FORGET_AFTER
        row.failures = 1 if forgotten else row.failures + 1
        row.last_failure_at = now()


async def _row(tx: Tx, key: str) -> LoginThrottle:
    """The key's row, locked; made, if this is its first failure and nobody else is just making it."""
    if (row := await tx.get(LoginThrottle, key, with_for_update=True)) is not None:
        return row
    await insert_if_absent(tx, LoginThrottle(key=key))
    return await tx.get_one(LoginThrottle, key, with_for_update=True, populate_existing=True)
