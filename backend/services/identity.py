"""Sign-in, sessions, passwords. A session is looked up on every request and event: a revoked one dies at once."""

import hashlib
import secrets
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from anyio import to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import col, delete, func, select

from backend.db import Tx, insert_if_absent, reading, transaction
from backend.errors import BadCredentials, Conflict, NotFound, Throttled
from backend.events.bus import SessionEnded, announce
from backend.models import LoginThrottle, Session, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import names, throttle
from backend.rules.policy import Action, Actor, Via
from backend.services.quotas import make_quota
from backend.services.views import SessionView
from backend.settings import settings

_hasher = PasswordHash((Argon2Hasher(),))
_SEEN_EVERY = timedelta(minutes=1)
_DUMMY_HASH = _hasher.hash("nobody's password")  # so that an unknown name costs as much time as a wrong password
_under_way: Counter[str] = Counter()
"""By throttle key: attempts whose outcome is not written down yet. Many at once would each be the first otherwise."""


async def actor_for(sid: str, *, ip: str = "", user_agent: str = "", via: Via = Via.WEB) -> Actor | None:
    """Who holds this session cookie; None where nobody does, or the session or the user has ended."""
    if not sid:
        return None
    async with reading() as tx:
        query = select(Session, User).join(User).where(Session.token_hash == _digest(sid), col(User.is_active))
        row = (await tx.exec(query)).first()
    if row is None or row[0].expires_at <= now():
        return None
    session, user = row
    if now() - session.last_seen_at > _SEEN_EVERY:
        await _touch(session.id, ip)
    return Actor(user.id, user.username, user.is_superuser, via, ip, user_agent, session.id)


async def ended(session_ids: set[int]) -> set[int]:
    """Those of these sessions that ran out, were ended, or are an inactive user's."""
    async with reading() as tx:
        query = select(Session.id).join(User).where(col(Session.id).in_(session_ids))
        live = (await tx.exec(query.where(col(Session.expires_at) > now(), col(User.is_active)))).all()
    return session_ids - {session_id or 0 for session_id in live}


@operation(Action.USER_LOGIN)
async def sign_in(tx: Tx, actor: Actor, username: str, password: str) -> tuple[str, datetime]:
    """Check a name and password and begin a session; returns the cookie's value and when it ends.

    Raises:
        BadCredentials: they don't match (an unknown name and an inactive user say the same).
        Throttled: too many failures of this name or from this address.
    """
    require(actor, Action.USER_LOGIN)
    name = "".join(filter(str.isprintable, username)).strip()[:64]
    keys = [f"name:{name.lower()}", *([f"ip:{throttle.source_of(actor.ip)}"] if actor.ip else [])]
    note("user", name)
    async with _attempt(tx, keys):
        user = (await tx.exec(select(User).where(func.lower(User.username) == name.lower()))).first()
        matches = await to_thread.run_sync(_verify, password, user.password_hash if user else _DUMMY_HASH)
        if user is None or user.id is None or not matches or not user.is_active:
            raise BadCredentials
    await _forgive(tx, keys)
    await _sweep(tx)
    sid = secrets.token_urlsafe(32)
    expires_at = now() + timedelta(days=settings().session_days)
    tx.add(
        Session(
            user_id=user.id,
            token_hash=_digest(sid),
            expires_at=expires_at,
            ip=actor.ip,
            user_agent=actor.user_agent[:400],
        )
    )
    note("user", user.id, f"{user.username} signed in", user_id=user.id)
    return sid, expires_at


@operation(Action.USER_LOGOUT)
async def sign_out(tx: Tx, actor: Actor) -> None:
    """End the actor's own session. Without one there is nothing to end."""
    require(actor, Action.USER_LOGOUT, owner_id=actor.user_id)
    note("user", actor.user_id)
    if actor.session_id is not None:
        await _end(tx, actor.session_id)


@operation(Action.SESSION_LIST)
async def list_sessions(tx: Tx, actor: Actor) -> list[SessionView]:
    """The actor's live sessions, the present one first, then by last use."""
    require(actor, Action.SESSION_LIST)
    query = select(Session).where(Session.user_id == actor.user_id, col(Session.expires_at) > now())
    rows = (await tx.exec(query.order_by(col(Session.last_seen_at).desc()))).all()
    views = [
        SessionView(row.id or 0, row.id == actor.session_id, row.created_at, row.last_seen_at, row.ip, row.user_agent)
        for row in rows
    ]
    return sorted(views, key=lambda view: not view.current)


@operation(Action.SESSION_REVOKE)
async def revoke_session(tx: Tx, actor: Actor, session_id: int) -> None:
    """End one of the actor's sessions; what it holds open closes at once.

    Raises:
        NotFound: no such session, or somebody else's.
    """
    note("session", session_id)
    session = await tx.get(Session, session_id)
    if session is None:
        raise NotFound("That session")
    require(actor, Action.SESSION_REVOKE, owner_id=session.user_id, what="That session")
    await _end(tx, session_id)


@operation(Action.USER_CHANGE_PASSWORD)
async def change_password(tx: Tx, actor: Actor, old: str, new: str) -> None:
    """Set a new password and end every other session of the user.

    Raises:
        BadCredentials: the old one is not right.
        Throttled: too many wrong old passwords.
        Invalid: the new one is too short or too long.
    """
    require(actor, Action.USER_CHANGE_PASSWORD, owner_id=actor.user_id)
    note("user", actor.user_id)
    user = await tx.get(User, actor.user_id)
    if user is None:
        raise NotFound("That user")
    keys = [f"name:{user.username.lower()}"]
    async with _attempt(tx, keys):
        if not await to_thread.run_sync(_verify, old, user.password_hash):
            raise BadCredentials
    user.password_hash = await to_thread.run_sync(_hasher.hash, names.password(new))
    others = select(Session.id).where(Session.user_id == user.id, Session.id != actor.session_id)
    for session_id in (await tx.exec(others)).all():
        await _end(tx, session_id or 0)


@operation(Action.USER_CREATE)
async def create_user(
    tx: Tx, actor: Actor, *, username: str, password: str, email: str = "", is_superuser: bool = False
) -> User:
    """Make a user, with a quota from the defaults.

    Raises:
        Invalid: name or password out of bounds.
        Conflict: the name is taken (names differ by more than case).
    """
    require(actor, Action.USER_CREATE)
    name = names.username(username)
    if (await tx.exec(select(User.id).where(func.lower(User.username) == name.lower()))).first() is not None:
        raise Conflict(f"There is a user named “{name}” already.")
    hashed = await to_thread.run_sync(_hasher.hash, names.password(password))
    user = User(username=name, email=email, password_hash=hashed, is_superuser=is_superuser)
    tx.add(user)
    await tx.flush()
    await make_quota(tx, user)
    note("user", user.id, f"{name} was made", is_superuser=is_superuser)
    return user


def _digest(sid: str) -> str:
    return hashlib.sha256(sid.encode()).hexdigest()


def _verify(password: str, hashed: str) -> bool:
    return len(password) <= 1024 and _hasher.verify(password, hashed)


async def _end(tx: Tx, session_id: int) -> None:
    await tx.exec(delete(Session).where(col(Session.id) == session_id))
    announce(tx, SessionEnded(session_id))


async def _touch(session_id: int | None, ip: str) -> None:
    async with transaction() as tx:
        session = await tx.get(Session, session_id)
        if session is not None:
            session.last_seen_at = now()
            session.ip = ip or session.ip


@asynccontextmanager
async def _attempt(tx: Tx, keys: list[str]) -> AsyncGenerator[None]:
    """Around the check of a password: refused while its keys have to wait, and counted when it fails.

    It looks with the connection that `tx` has: one more for each of many attempts at once would leave nobody any.
    """
    rows = (await tx.exec(select(LoginThrottle).where(col(LoginThrottle.key).in_(keys)))).all()
    known = {row.key: (row.failures, row.last_failure_at) for row in rows}
    for key in keys:
        failures, last = known.get(key, (0, now()))
        if pending := _under_way[key]:
            failures, last = failures + pending, now()
        if wait := throttle.wait_s(failures, last, at=now()):
            raise Throttled(wait)
    _under_way.update(keys)
    try:
        yield
    except BadCredentials:
        tx.after_refusal.append(lambda: _count_failure(keys))
        raise
    except BaseException:
        _is_over(keys)
        raise
    _is_over(keys)


def _is_over(keys: list[str]) -> None:
    for key in keys:
        _under_way[key] -= 1
        if _under_way[key] <= 0:
            del _under_way[key]


async def _count_failure(keys: list[str]) -> None:
    try:
        async with transaction() as tx:
            for key in keys:
                row = await _throttle_row(tx, key)
                forgotten = now() - row.last_failure_at >= throttle.FORGET_AFTER
                row.failures = 1 if forgotten else row.failures + 1
                row.last_failure_at = now()
    finally:
        _is_over(keys)


async def _throttle_row(tx: Tx, key: str) -> LoginThrottle:
    """The key's row, locked; made, if this is its first failure and nobody else is just making it."""
    if (row := await tx.get(LoginThrottle, key, with_for_update=True)) is not None:
        return row
    await insert_if_absent(tx, LoginThrottle(key=key))
    return await tx.get_one(LoginThrottle, key, with_for_update=True, populate_existing=True)


async def _sweep(tx: Tx) -> None:
    """What has run out is of no use to anybody; at a sign-in somebody waits for argon2 anyway."""
    await tx.exec(delete(Session).where(col(Session.expires_at) <= now()))
    await tx.exec(delete(LoginThrottle).where(col(LoginThrottle.last_failure_at) <= now() - throttle.FORGET_AFTER))


async def _forgive(tx: Tx, keys: list[str]) -> None:
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
