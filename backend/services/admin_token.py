"""The token that lets automated tools in, without a person's password: off unless ADMIN_TOKEN is set."""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

from sqlmodel import col, select

from backend.db import Tx
from backend.errors import BadCredentials, Conflict, NotFound
from backend.models import User
from backend.operation import note, operation, require
from backend.rules.policy import Action, Actor
from backend.services import attempts, sessions
from backend.settings import settings

LASTS = timedelta(hours=24)


def is_offered() -> bool:
    """Whether there is a token at all: what is off does not exist."""
    return bool(settings().admin_token.get_secret_value())


@operation(Action.USER_TOKEN_LOGIN)
async def sign_in_with_token(tx: Tx, actor: Actor, token: str) -> tuple[str, datetime]:
    """Begin a session of the first active administrator; returns the cookie's value and when it ends.

    Raises:
        NotFound: no token is set.
        BadCredentials: it is another one.
        Throttled: too many wrong ones from this address.
        Conflict: nobody administers.
    """
    require(actor, Action.USER_TOKEN_LOGIN)
    if not is_offered():
        raise NotFound("That page")
    async with attempts.attempt(tx, attempts.address_keys("token", actor.ip) or ["token:"]):
        if not hmac.compare_digest(_digest(token), _digest(settings().admin_token.get_secret_value())):
            raise BadCredentials("That token is not right.")
    admins = select(User).where(col(User.is_superuser), col(User.is_active)).order_by(col(User.id))
    user = (await tx.exec(admins.limit(1))).first()
    if user is None:
        raise Conflict("There is no administrator. Make one: python -m backend.cli createsuperuser")
    note("user", user.id, "with the admin token", user_id=user.id, username=user.username)
    return await sessions.begin(tx, user, actor, lasts=LASTS)


def _digest(token: str) -> bytes:
    """Of one length, so that comparing takes the same time whatever is sent."""
    return sha256(token.encode(errors="replace")).digest()
