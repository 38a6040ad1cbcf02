"""Coming in and going out: names and passwords, one's sessions, new users."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import BadCredentials, Invalid, NotFound, UsernameTaken
from backend.models import Session, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import names
from backend.rules.policy import Action, Actor
from backend.services import attempts, passwords, sessions
from backend.services.quotas import make_quota
from backend.services.second_factor import refuse_one_step
from backend.services.sessions import actor_for, ended
from backend.services.targets import owned
from backend.services.views import SessionView

__all__ = [
    "actor_for",
    "change_password",
    "create_user",
    "ended",
    "list_sessions",
    "revoke_session",
    "sign_in",
    "sign_out",
]


@operation(Action.USER_LOGIN)
async def sign_in(tx: Tx, actor: Actor, username: str, password: str) -> tuple[str, datetime]:
    """Check a name and password and begin a session; returns the cookie's value and when it ends.

    Raises:
        BadCredentials: they don't match (an unknown name and an inactive user say the same).
        SecondStep: they do, and the user has a second factor: no session yet.
        Throttled: too many failures of this name or from this address.
    """
    require(actor, Action.USER_LOGIN)
    name = "".join(filter(str.isprintable, username)).strip()[:64]
    keys = attempts.keys_of(name, actor.ip)
    note("user", message=name)
    async with attempts.attempt(tx, keys):
        user = (await tx.exec(select(User).where(func.lower(User.username) == name.lower()))).first()
        note("user", user.id if user else "", name=name)
        hashed = user.password_hash if user else ""
        if not await passwords.matches(password, hashed) or user is None:
            raise BadCredentials
        await tx.refresh(user, with_for_update={"key_share": True})
        if not user.is_active or user.password_hash != hashed:  # it changed while we looked
            raise BadCredentials
    refuse_one_step(user)
    await attempts.forgive(tx, keys)
    await attempts.sweep(tx)
    note("user", user.id, f"{user.username} signed in", user_id=user.id, username=user.username)
    return await sessions.begin(tx, user, actor)


@operation(Action.USER_LOGOUT)
async def sign_out(tx: Tx, actor: Actor) -> None:
    """End the actor's own session. Without one there is nothing to end."""
    require(actor, Action.USER_LOGOUT, owner_id=actor.user_id)
    note("user", actor.user_id)
    if actor.session_id is not None:
        await sessions.end(tx, actor.session_id)


@operation(Action.SESSION_LIST)
async def list_sessions(tx: Tx, actor: Actor) -> list[SessionView]:
    """The actor's live sessions, the present one first, then by last use."""
    require(actor, Action.SESSION_LIST)
    query = select(Session).where(Session.user_id == actor.user_id, col(Session.expires_at) > now())
    rows = (await tx.exec(query.order_by(col(Session.last_seen_at).desc()))).all()
    views = [
        SessionView(row.id, row.id == actor.session_id, row.created_at, row.last_seen_at, row.ip, row.user_agent)
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
    await owned(Action.SESSION_REVOKE, tx, actor, Session, session_id, "That session")
    await sessions.end(tx, session_id)


@operation(Action.USER_CHANGE_PASSWORD)
async def change_password(tx: Tx, actor: Actor, old: str, new: str) -> None:
    """Set a new password and end every other session of the user.

    Raises:
        BadCredentials: the old one is not right.
        Throttled: too many wrong old passwords.
        Invalid: the new one is too short or too long, or is the old one where another had to be chosen.
    """
    require(actor, Action.USER_CHANGE_PASSWORD, owner_id=actor.user_id)
    note("user", actor.user_id)
    user = await tx.get(User, actor.user_id, with_for_update={"key_share": True})
    if user is None:
        raise NotFound("That user")
    await check_password(tx, user, old)
    if user.must_change_password and new == old:
        raise Invalid("Choose another password than the one you were given.", field="new")
    user.password_hash, user.must_change_password = await passwords.hash_password(new), False
    await sessions.end_all(tx, user.id, but=actor.session_id)


async def check_password(tx: Tx, user: User, password: str) -> None:
    """Make sure that it is really they who ask, for what can't be taken back.

    Raises:
        BadCredentials: it is not their password. Who has none, as they come in through a provider, gives their name.
        Throttled: too many wrong ones.
    """
    async with attempts.attempt(tx, attempts.keys_of(user.username, "")):
        has_password = bool(user.password_hash)
        if not (await passwords.matches(password, user.password_hash) if has_password else password == user.username):
            raise BadCredentials("That is not your present password." if has_password else "That is not your name.")


@operation(Action.USER_CREATE)
async def create_user(
    tx: Tx, actor: Actor, *, username: str, password: str, email: str = "", is_superuser: bool = False
) -> User:
    """Make a user, with a quota from the defaults.

    Raises:
        Invalid: name, address or password out of bounds.
        Conflict: the name is taken (names differ by more than case).
    """
    require(actor, Action.USER_CREATE)
    user = User(
        username=names.username(username),
        email=names.email(email),
        password_hash=await passwords.hash_password(password),
        is_superuser=is_superuser,
    )
    await add_user(tx, user)
    note("user", user.id, is_superuser=is_superuser)
    return user


async def add_user(tx: Tx, user: User) -> None:
    """Put a new user into the database, with a quota.

    Raises:
        Conflict: the name is taken.
    """
    tx.add(user)
    try:
        await tx.flush()
    except IntegrityError as fault:
        raise UsernameTaken from fault
    await make_quota(tx, user)
