"""The people: what administrators do to accounts, and what everybody may do to their own.

Traces of what is done to somebody else call them by their number: it is all that stays when the account goes.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, func, or_, select

from backend.db import Tx
from backend.errors import Conflict, NotFound
from backend.models import User
from backend.operation import note, operation, require
from backend.rules import names
from backend.rules.policy import Action, Actor
from backend.services import passwords, second_factor, sessions


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as administrators, and they themselves, see them."""

    id: int
    username: str
    display_name: str
    email: str
    is_superuser: bool
    is_active: bool
    has_password: bool
    has_second_factor: bool
    must_change_password: bool
    created_at: datetime
    last_login_at: datetime | None
    delete_requested_at: datetime | None


@operation(Action.USER_LIST)
async def list_users(tx: Tx, actor: Actor, search: str = "", *, user_id: int | None = None) -> list[UserView]:
    """Every user whose name or address has `search` in it, by name; only the one of that id where it is given."""
    require(actor, Action.USER_LIST)
    query = select(User).order_by(func.lower(User.username))
    if user_id is not None:
        query = query.where(User.id == (user_id if 0 < user_id < 2**31 else 0))
    if wanted := search.strip():
        columns = (col(User.username), col(User.display_name), col(User.email))
        query = query.where(or_(*(column.icontains(wanted, autoescape=True) for column in columns)))
    return [view_of(user) for user in (await tx.exec(query)).all()]


@operation(Action.PROFILE_READ)
async def my_profile(tx: Tx, actor: Actor) -> UserView:
    """Who the actor is."""
    require(actor, Action.PROFILE_READ)
    return view_of(await _get(tx, actor.person_id))


@operation(Action.PROFILE_UPDATE)
async def update_profile(tx: Tx, actor: Actor, *, display_name: str, email: str) -> UserView:
    """Change the name one is shown by, and one's e-mail address.

    Raises:
        Invalid: one of them is out of bounds.
    """
    require(actor, Action.PROFILE_UPDATE)
    note("user", actor.user_id)
    user = await _locked(tx, actor.person_id)
    user.display_name, user.email = names.display_name(display_name), names.email(email)
    return view_of(user)


@operation(Action.USER_UPDATE)
async def update_user(
    tx: Tx,
    actor: Actor,
    user_id: int,
    *,
    display_name: str | None = None,
    email: str | None = None,
    is_superuser: bool | None = None,
) -> UserView:
    """Change what is given of a user's profile and rights. Who administers no more is signed out everywhere.

    Raises:
        NotFound: no such user.
        Invalid: a value is out of bounds.
        Conflict: nobody would be left to administer.
    """
    require(actor, Action.USER_UPDATE)
    note("user", user_id)
    user = await (locked_admin(tx, user_id, "made an ordinary user") if is_superuser is False else _locked(tx, user_id))
    if is_superuser is not None and is_superuser != user.is_superuser:
        note(message=f"{'an administrator' if is_superuser else 'no administrator'} from now on")
        user.is_superuser = is_superuser
        if not is_superuser:
            await sessions.shut_out(tx, user.id)  # what is open shows what administrators see, and goes on to
    if display_name is not None:
        user.display_name = names.display_name(display_name)
    if email is not None:
        user.email = names.email(email)
    return view_of(user)


@operation(Action.USER_SET_ACTIVE)
async def set_user_active(tx: Tx, actor: Actor, user_id: int, active: bool) -> UserView:
    """Let a user in, or keep them out: at once, everywhere. Their containers go on as they are.

    Raises:
        NotFound: no such user.
        Conflict: it is the last administrator, or the account is being deleted.
    """
    require(actor, Action.USER_SET_ACTIVE)
    note("user", user_id, "enabled" if active else "disabled", active=active)
    user = await (_locked(tx, user_id) if active else locked_admin(tx, user_id, "disabled"))
    if active and user.delete_requested_at is not None:
        raise Conflict("This account is being deleted. Make a new user instead.")
    user.is_active = active
    await sessions.shut_out(tx, user.id)
    return view_of(user)


@operation(Action.USER_RESET_PASSWORD)
async def reset_password(
    tx: Tx, actor: Actor, user_id: int, password: str = "", *, and_second_factor: bool = False
) -> str:
    """Give a user a password that they have to change at once; all their sessions end. Returns it.

    Args:
        password: empty: one is made up.
        and_second_factor: also take the second factor away, for who has lost it.

    Raises:
        NotFound: no such user.
        Invalid: the password is too short or too long.
    """
    require(actor, Action.USER_RESET_PASSWORD)
    note("user", user_id, second_factor_too=and_second_factor)
    user = await _locked(tx, user_id)
    chosen = password or passwords.made_up()
    user.password_hash, user.must_change_password = await passwords.hash_password(chosen), True
    if and_second_factor:
        await second_factor.forget(tx, user)
    await sessions.shut_out(tx, user.id)
    return chosen


async def locked_admin(tx: Tx, user_id: int, done: str) -> User:
    """The user, locked, before they lose the right to administer, if they have it. `done`: what becomes of them.

    All administrators are locked, in one order: of two who would remove each other at once, one is refused.

    Raises:
        NotFound: no such user.
        Conflict: they are the last administrator who can come in.
    """
    admins = select(User.id).where(col(User.is_superuser), col(User.is_active)).order_by(col(User.id))
    ids = (await tx.exec(admins.with_for_update(key_share=True))).all()
    user = await _locked(tx, user_id)
    if list(ids) == [user_id]:
        raise Conflict(
            f"This is the last administrator who can sign in, and can't be {done}. "
            "Make somebody else an administrator first."
        )
    return user


async def _locked(tx: Tx, user_id: int) -> User:
    """The row, locked against changes only: rows that refer to it, of the audit log too, may still come."""
    user = await _get(tx, user_id)
    await tx.refresh(user, with_for_update={"key_share": True})
    return user


async def _get(tx: Tx, user_id: int) -> User:
    user = await tx.get(User, user_id)
    if user is None:
        raise NotFound("That user")
    return user


def view_of(user: User) -> UserView:
    """What may be shown of the row."""
    return UserView(
        id=user.id,
        username=user.username,
        display_name=user.display_name,
        email=user.email,
        is_superuser=user.is_superuser,
        is_active=user.is_active,
        has_password=bool(user.password_hash),
        has_second_factor=user.totp_enabled_at is not None,
        must_change_password=user.must_change_password,
        created_at=user.created_at,
        last_login_at=user.last_login_at,
        delete_requested_at=user.delete_requested_at,
    )
