"""Making one's own account, where Config lets people: with an invitation, or everybody."""

import re
from datetime import datetime

from sqlmodel import func, select

from backend.db import Tx
from backend.errors import SignUpClosed
from backend.models import User
from backend.operation import note, operation, require
from backend.rules import names
from backend.rules.config_keys import SIGN_UP
from backend.rules.policy import Action, Actor
from backend.services import attempts, invitations, passwords, sessions
from backend.services.config import value_of
from backend.services.identity import add_user


async def check_sign_up(tx: Tx, invitation: str) -> None:
    """Let who may make an account pass. Whether the invitation is good is seen when it is used.

    Raises:
        SignUpClosed: nobody may, or not without an invitation.
    """
    mode = await value_of(tx, SIGN_UP)
    if mode == "closed" or (mode == "invitation" and not invitation):
        raise SignUpClosed


@operation(Action.USER_SIGN_UP)
async def sign_up(
    tx: Tx, actor: Actor, *, username: str, password: str, email: str = "", invitation: str = ""
) -> tuple[str, datetime]:
    """Make an account for a visitor and sign them in; returns the cookie's value and when it ends.

    Raises:
        SignUpClosed: nobody may, or not without an invitation.
        Invalid: name, address or password out of bounds.
        Conflict: the name is taken, or the invitation not good.
        Throttled: too many tries from one address, good ones too.
    """
    require(actor, Action.USER_SIGN_UP)
    await check_sign_up(tx, invitation)
    async with attempts.attempt(tx, attempts.address_keys("sign-up", actor.ip) or ["sign-up:"], each_counts=True):
        user = User(
            username=names.username(username),
            email=names.email(email),
            password_hash=await passwords.hash_password(password),
        )
        await welcome(tx, user, invitation)
    note("user", user.id, "signed up", user_id=user.id, username=user.username)
    return await sessions.begin(tx, user, actor)


async def welcome(tx: Tx, user: User, invitation: str) -> None:
    """Put a new user in, with what they were invited to.

    Raises:
        Conflict: the name is taken, or the invitation not good.
    """
    await add_user(tx, user)
    if invitation:
        used = await invitations.take(tx, invitation, for_user_id=user.id)
        user.email = user.email or used.email


async def free_username(tx: Tx, wanted: str) -> str:
    """A name like `wanted` that nobody has."""
    stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", wanted.partition("@")[0]).strip("._+-")[:50] or "user"
    for number in range(1, 10_000):
        name = stem if number == 1 else f"{stem}-{number}"
        taken = select(User.id).where(func.lower(User.username) == name.lower())
        if (await tx.exec(taken)).first() is None:
            return name
    raise RuntimeError(f"ten thousand people are called {stem}")
