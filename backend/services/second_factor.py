"""The second factor: one-time codes (TOTP, RFC 6238), and recovery codes for the day the phone is gone.

Who has one is not signed in by a password alone: they get a ticket, good for a few minutes and for nothing else,
and a session for the ticket and a code.
"""

import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from pyotp import random_base32
from pyotp.totp import TOTP
from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import BadCode, Conflict, NotFound, SecondStep, Unauthenticated, Unavailable
from backend.models import RecoveryCode, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.one_time_codes import new_recovery_codes, plain, step_of
from backend.rules.policy import Action, Actor
from backend.sealing import lasting_key_for, seal, unseal
from backend.services import attempts, passwords, sessions

ISSUER = "Pequeroku"
TICKET_LASTS = timedelta(minutes=5)
_SECRET, _TICKET, _CODES = "totp", "second step", "recovery codes"  # what each is sealed or keyed for


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app is given: as text to type, and as what a QR code says."""

    secret: str
    uri: str


def refuse_one_step(user: User) -> None:
    """Let who has no second factor pass.

    Raises:
        SecondStep: the user has one; it carries the ticket for the second step.
    """
    if user.totp_enabled_at is None:
        return
    facts = {"user": user.id, "until": (now() + TICKET_LASTS).timestamp(), "password": _mark(user)}
    raise SecondStep(seal(json.dumps(facts), purpose=_TICKET))


@operation(Action.USER_SECOND_STEP)
async def second_step(tx: Tx, actor: Actor, ticket: str, code: str) -> tuple[str, datetime]:
    """Begin the session of who did the first step; returns the cookie's value and when it ends.

    Raises:
        Unauthenticated: the ticket is none, or not good any more.
        BadCode: the code is not right, or was used.
        Throttled: too many failures of this name or from this address.
    """
    require(actor, Action.USER_SECOND_STEP)
    user = await _holder(tx, ticket)
    note("user", user.id)
    keys = attempts.keys_of(user.username, actor.ip)
    async with attempts.attempt(tx, keys):
        if not await _take(tx, user, code):
            raise BadCode
    await attempts.forgive(tx, keys)
    note("user", user.id, f"{user.username} signed in with a code", user_id=user.id, username=user.username)
    return await sessions.begin(tx, user, actor)


@operation(Action.TOTP_BEGIN)
async def begin_totp(tx: Tx, actor: Actor) -> Enrolment:
    """Make a secret for the actor's authenticator. It holds once `enable_totp` has seen a code of it.

    Raises:
        Conflict: they have one that holds.
    """
    require(actor, Action.TOTP_BEGIN)
    note("user", actor.user_id)
    user = await _me(tx, actor)
    _refuse_second(user)
    secret = random_base32()
    user.totp_secret_sealed, user.totp_last_step = seal(secret, purpose=_SECRET), 0
    return Enrolment(secret, TOTP(secret).provisioning_uri(name=user.username, issuer_name=ISSUER))


@operation(Action.TOTP_ENABLE)
async def enable_totp(tx: Tx, actor: Actor, code: str) -> list[str]:
    """Ask for codes from now on; returns the recovery codes, which nobody can show again.

    Raises:
        BadCode: it is none of the authenticator's that `begin_totp` set up.
        Throttled: too many wrong ones.
        Conflict: there is a second factor already, or `begin_totp` was not asked.
    """
    require(actor, Action.TOTP_ENABLE)
    note("user", actor.user_id)
    user = await _me(tx, actor)
    _refuse_second(user)
    if not user.totp_secret_sealed:
        raise Conflict("Begin again: there is nothing to compare the code with.")
    async with attempts.attempt(tx, attempts.keys_of(user.username, "")):
        if not _take_totp(user, code):
            raise BadCode
    user.totp_enabled_at = now()
    await sessions.end_all(tx, user.id, but=actor.session_id)
    return await _new_codes(tx, user)


@operation(Action.TOTP_DISABLE)
async def disable_totp(tx: Tx, actor: Actor, proof: str) -> None:
    """Ask for no codes any more. `proof`: the password; a code, for who has no password.

    Raises:
        BadCredentials: it is not right.
        Throttled: too many wrong ones.
    """
    require(actor, Action.TOTP_DISABLE)
    note("user", actor.user_id)
    user = await _me(tx, actor)
    await _check(tx, user, proof)
    await forget(tx, user)


@operation(Action.TOTP_RENEW_CODES)
async def renew_recovery_codes(tx: Tx, actor: Actor, proof: str) -> list[str]:
    """Make new recovery codes; the old ones open nothing any more. `proof` as in `disable_totp`.

    Raises:
        BadCredentials, Throttled: as there.
        Conflict: there is no second factor.
    """
    require(actor, Action.TOTP_RENEW_CODES)
    note("user", actor.user_id)
    user = await _me(tx, actor)
    if user.totp_enabled_at is None:
        raise Conflict("There is no second factor to recover. Set one up first.")
    await _check(tx, user, proof)
    return await _new_codes(tx, user)


async def codes_left(tx: Tx, user_id: int) -> int:
    """How many recovery codes the user has not used."""
    query = select(func.count()).where(RecoveryCode.user_id == user_id, col(RecoveryCode.used_at).is_(None))
    return (await tx.exec(query)).one()


async def forget(tx: Tx, user: User) -> None:
    """One step is enough for the user from now on."""
    user.totp_secret_sealed, user.totp_enabled_at, user.totp_last_step = "", None, 0
    for code in (await tx.exec(select(RecoveryCode).where(RecoveryCode.user_id == user.id))).all():
        await tx.delete(code)


async def _holder(tx: Tx, ticket: str) -> User:
    """Whom the ticket stands for, locked. One from before a change of password or factor is worth nothing."""
    try:
        facts = json.loads(unseal(ticket, purpose=_TICKET))
    except (Unavailable, ValueError):
        facts = {"until": 0.0}
    is_fresh = facts["until"] > now().timestamp()
    user = await tx.get(User, facts["user"], with_for_update={"key_share": True}) if is_fresh else None
    if user is None or not user.is_active or user.totp_enabled_at is None or facts["password"] != _mark(user):
        raise Unauthenticated("That took too long. Sign in again.")
    return user


def _mark(user: User) -> str:
    """What changes with the password and with the factor, and tells neither."""
    return sha256(f"{user.password_hash} {user.totp_secret_sealed}".encode()).hexdigest()[:16]


async def _check(tx: Tx, user: User, proof: str) -> None:
    async with attempts.attempt(tx, attempts.keys_of(user.username, "")):
        if user.password_hash and not await passwords.matches(proof, user.password_hash):
            raise BadCode("That is not your present password.")
        if not user.password_hash and not await _take(tx, user, proof):
            raise BadCode


async def _take(tx: Tx, user: User, code: str) -> bool:
    """Use the code up, of whichever kind; False where it is not good. The user's row is locked."""
    return _take_totp(user, code) or await _take_recovery(tx, user, code)


def _take_totp(user: User, code: str) -> bool:
    secret = unseal(user.totp_secret_sealed, purpose=_SECRET)
    step = step_of(code, secret, after=user.totp_last_step, at=now())
    user.totp_last_step = step or user.totp_last_step
    return step is not None


async def _take_recovery(tx: Tx, user: User, code: str) -> bool:
    query = select(RecoveryCode).where(
        RecoveryCode.user_id == user.id,
        RecoveryCode.code_hash == _code_hash(code),
        col(RecoveryCode.used_at).is_(None),
    )
    row = (await tx.exec(query)).first()
    if row is None:
        return False
    row.used_at = now()
    note(message="with a recovery code")
    return True


async def _new_codes(tx: Tx, user: User) -> list[str]:
    for old in (await tx.exec(select(RecoveryCode).where(RecoveryCode.user_id == user.id))).all():
        await tx.delete(old)
    codes = new_recovery_codes()
    tx.add_all(RecoveryCode(user_id=user.id, code_hash=_code_hash(code)) for code in codes)
    return codes


def _code_hash(code: str) -> str:
    """Keyed: a code is short enough to be found from a bare hash by who has nothing but the database."""
    return hmac.new(lasting_key_for(_CODES), plain(code).encode(), sha256).hexdigest()


def _refuse_second(user: User) -> None:
    if user.totp_enabled_at is not None:
        raise Conflict("You have a second factor already. Turn it off first, to set up another.")


async def _me(tx: Tx, actor: Actor) -> User:
    user = await tx.get(User, actor.user_id, with_for_update={"key_share": True}, populate_existing=True)
    if user is None:
        raise NotFound("That user")
    return user
