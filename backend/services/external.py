"""Users as other services know them. Matched by issuer and subject only: an e-mail address proves nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import Conflict, NotLinked, SignInTaken, SignUpClosed, UserDisabled
from backend.models import ExternalIdentity, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.policy import Action, Actor
from backend.services import sessions
from backend.services.second_factor import refuse_one_step
from backend.services.sign_up import check_sign_up, free_username, welcome
from backend.services.targets import owned


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a provider has vouched for. Only issuer and subject say who it is."""

    issuer: str
    subject: str
    email: str
    name: str
    handle: str
    """What they might be called here."""


@dataclass(frozen=True, slots=True)
class IdentityView:
    """A linked sign-in."""

    id: int
    issuer: str
    email: str
    created_at: datetime
    last_login_at: datetime | None


@operation(Action.USER_EXTERNAL_LOGIN)
async def enter(tx: Tx, actor: Actor, person: Person, invitation: str = "") -> tuple[str, datetime]:
    """Begin the session of whom the provider has vouched for; of a new user, where sign-up allows one.

    Raises:
        NotLinked: nobody here is linked with them, and no account may be made.
        UserDisabled: the account is.
        SecondStep: a code is asked for first.
        Conflict: the invitation is not good.
    """
    require(actor, Action.USER_EXTERNAL_LOGIN)
    note("user", issuer=person.issuer)
    identity = (await tx.exec(_of(person).with_for_update())).first()
    user = await tx.get(User, identity.user_id) if identity else await _newcomer(tx, person, invitation)
    if user is None or not user.is_active:
        raise UserDisabled
    note("user", user.id)
    if identity is not None:
        identity.last_login_at, identity.email = now(), person.email
    refuse_one_step(user)
    note("user", user.id, f"through {person.issuer}", user_id=user.id, username=user.username)
    return await sessions.begin(tx, user, actor)


@operation(Action.IDENTITY_LIST)
async def list_identities(tx: Tx, actor: Actor) -> list[IdentityView]:
    """The actor's linked sign-ins."""
    require(actor, Action.IDENTITY_LIST)
    rows = await tx.exec(select(ExternalIdentity).where(ExternalIdentity.user_id == actor.user_id))
    return [IdentityView(row.id, row.issuer, row.email, row.created_at, row.last_login_at) for row in rows.all()]


@operation(Action.IDENTITY_LINK)
async def link(tx: Tx, actor: Actor, person: Person) -> None:
    """Let the actor come in through the provider from now on. Twice is once.

    Raises:
        Conflict: somebody else is linked with it.
    """
    require(actor, Action.IDENTITY_LINK)
    note("user", actor.user_id, issuer=person.issuer)
    known = (await tx.exec(_of(person))).first()
    if known is not None and known.user_id == actor.user_id:
        return
    await _add(tx, person, actor.person_id)


@operation(Action.IDENTITY_UNLINK)
async def unlink(tx: Tx, actor: Actor, identity_id: int) -> None:
    """Let the actor come in that way no more.

    Raises:
        NotFound: no such link, or somebody else's.
        Conflict: it is their only way in.
    """
    note("identity", identity_id)
    row = await owned(Action.IDENTITY_UNLINK, tx, actor, ExternalIdentity, identity_id, "That sign-in")
    user = await tx.get_one(User, row.user_id, with_for_update={"key_share": True}, populate_existing=True)
    others = select(func.count()).where(ExternalIdentity.user_id == user.id, col(ExternalIdentity.id) != identity_id)
    if not user.password_hash and not (await tx.exec(others)).one():
        raise Conflict("It is your only way in. Ask an administrator for a password first, or link another sign-in.")
    await tx.delete(row)


async def _newcomer(tx: Tx, person: Person, invitation: str) -> User:
    try:
        await check_sign_up(tx, invitation)
    except SignUpClosed as closed:
        raise NotLinked from closed
    name = await free_username(tx, person.handle or person.email or person.name)
    shown = "".join(filter(str.isprintable, person.name))[:100]
    user = User(username=name, display_name=shown, email=person.email, password_hash="")
    await welcome(tx, user, invitation)
    await _add(tx, person, user.id)
    return user


async def _add(tx: Tx, person: Person, user_id: int) -> None:
    tx.add(ExternalIdentity(user_id=user_id, issuer=person.issuer, subject=person.subject, email=person.email))
    try:
        await tx.flush()
    except IntegrityError as fault:
        raise SignInTaken from fault


def _of(person: Person):  # a query's type would say less than the query
    query = select(ExternalIdentity).where(ExternalIdentity.issuer == person.issuer)
    return query.where(ExternalIdentity.subject == person.subject)
