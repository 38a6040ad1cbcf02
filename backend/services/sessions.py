"""Sessions of browsers. One is looked up on every request and event: a revoked one dies at once."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlmodel import col, delete, select

from backend.db import Tx, reading, transaction
from backend.events.bus import AccessChanged, SessionEnded, announce
from backend.models import Session, User
from backend.models.base import now
from backend.rules.policy import Actor, Via
from backend.settings import settings

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session or key was used last: a write at each look would be too dear."""


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
    if now() - session.last_seen_at > SEEN_EVERY:
        await _touch(session.id, ip)
    return Actor(
        user.id,
        user.username,
        user.is_superuser,
        via,
        ip,
        user_agent,
        session.id,
        must_change_password=user.must_change_password,
    )


async def ended(session_ids: set[int]) -> set[int]:
    """Those of these sessions that ran out, were ended, or are an inactive user's."""
    async with reading() as tx:
        query = select(Session.id).join(User).where(col(Session.id).in_(session_ids))
        live = (await tx.exec(query.where(col(Session.expires_at) > now(), col(User.is_active)))).all()
    return session_ids - set(live)


async def begin(tx: Tx, user: User, actor: Actor, *, lasts: timedelta | None = None) -> tuple[str, datetime]:
    """Let the user in, from where the actor is; returns the cookie's value and when it ends.

    Sessions that ran out are swept away: somebody who signs in waits for argon2 anyway.
    """
    await tx.exec(delete(Session).where(col(Session.expires_at) <= now()))
    sid = secrets.token_urlsafe(32)
    expires_at = now() + (lasts or timedelta(days=settings().session_days))
    tx.add(
        Session(
            user_id=user.id,
            token_hash=_digest(sid),
            expires_at=expires_at,
            ip=actor.ip,
            user_agent=actor.user_agent[:400],
        )
    )
    user.last_login_at = now()
    return sid, expires_at


async def end(tx: Tx, session_id: int) -> None:
    """End one; what it holds open closes at once."""
    await tx.exec(delete(Session).where(col(Session.id) == session_id))
    announce(tx, SessionEnded(session_id))


async def end_all(tx: Tx, user_id: int, *, but: int | None = None) -> None:
    """End every session of a user, but one that may stay."""
    query = select(Session.id).where(Session.user_id == user_id)
    if but is not None:
        query = query.where(Session.id != but)
    for session_id in (await tx.exec(query)).all():
        await end(tx, session_id)


async def shut_out(tx: Tx, user_id: int) -> None:
    """End whatever the user holds open, by a browser or by a key. Their keys stay theirs."""
    await end_all(tx, user_id)
    announce(tx, AccessChanged([user_id]))


def _digest(sid: str) -> str:
    return hashlib.sha256(sid.encode()).hexdigest()


async def _touch(session_id: int, ip: str) -> None:
    async with transaction() as tx:
        session = await tx.get(Session, session_id)
        if session is not None:
            session.last_seen_at = now()
            session.ip = ip or session.ip
