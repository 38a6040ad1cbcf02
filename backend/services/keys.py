"""What lets programs in: API keys `pk_<prefix>_<secret>`, and people's SSH public keys."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import bindparam
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select

from backend.db import Tx, reading, transaction
from backend.errors import Conflict, Invalid
from backend.events.bus import AccessChanged, KeyUsed, announce
from backend.models import ApiKey, SshKey, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import names
from backend.rules.policy import Action, Actor, Scope, Via
from backend.services.sessions import SEEN_EVERY
from backend.services.ssh_public_keys import read_public_key
from backend.services.targets import owned

MOST_KEYS = 50
"""API keys of one user that are not revoked, and SSH keys."""
LONGEST_DAYS = 3650
_PREFIX_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class KeyView:
    """An API key, without its secret."""

    id: int
    name: str
    prefix: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_ip: str
    revoked_at: datetime | None

    @property
    def is_good(self) -> bool:
        """Whether it still opens."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now())


@dataclass(frozen=True, slots=True)
class SshKeyView:
    """An SSH public key."""

    id: int
    name: str
    kind: str
    fingerprint: str
    created_at: datetime
    last_used_at: datetime | None


async def actor_for_key(authorization: str, *, ip: str = "", user_agent: str = "") -> Actor | None:
    """Who shows this `Authorization: Bearer pk_…` header; None where the key is not, or not any more, good."""
    kind, _, token = authorization.strip().partition(" ")
    mark, _, rest = token.strip().partition("_")
    prefix, _, secret = rest.partition("_")
    if kind.lower() != "bearer" or mark != "pk" or not prefix.isalnum() or not secret.isascii():
        return None
    async with reading() as tx:
        row = (await tx.exec(_by_prefix(), params={"prefix": prefix[:16]})).first()
    if row is None or not hmac.compare_digest(row[0].secret_hash, _digest(secret)):
        return None
    key, user = row
    if not _view(key).is_good:
        return None
    if key.last_used_at is None or now() - key.last_used_at > SEEN_EVERY:
        await _touch(key.id, ip)
    return Actor(
        user.id,
        user.username,
        user.is_superuser,
        Via.API,
        ip,
        user_agent,
        scope=Scope(key.scope),
        api_key=key.prefix,
        must_change_password=user.must_change_password,
    )


async def scope_of_key(tx: Tx, prefix: str) -> Scope | None:
    """What a key is good for; None where it is not, or not any more, good."""
    query = select(ApiKey).where(ApiKey.prefix == prefix).execution_options(populate_existing=True)
    key = (await tx.exec(query)).first()
    return Scope(key.scope) if key is not None and _view(key).is_good else None


@operation(Action.KEY_LIST)
async def list_keys(tx: Tx, actor: Actor) -> list[KeyView]:
    """The actor's API keys, newest first; revoked ones too."""
    require(actor, Action.KEY_LIST)
    query = select(ApiKey).where(ApiKey.user_id == actor.user_id).order_by(col(ApiKey.id).desc())
    return [_view(key) for key in (await tx.exec(query)).all()]


@operation(Action.KEY_CREATE)
async def create_key(tx: Tx, actor: Actor, *, name: str, scope: str, days: int = 0) -> tuple[KeyView, str]:
    """Make an API key; returns it with its text, which nobody can show again.

    Args:
        days: until it expires; 0: never.

    Raises:
        Invalid: name, scope or days out of bounds.
        Conflict: the actor has as many as anybody may.
    """
    require(actor, Action.KEY_CREATE)
    if scope not in list(Scope):
        raise Invalid("Choose what the key may do: read, exec or admin.", field="scope")
    if not 0 <= days <= LONGEST_DAYS:
        raise Invalid(f"Choose 1 to {LONGEST_DAYS} days, or 0 for a key that never expires.", field="days")
    mine = select(func.count()).where(ApiKey.user_id == actor.user_id, col(ApiKey.revoked_at).is_(None))
    await _refuse_too_many(tx, mine, "API keys. Revoke one first.")
    prefix = "".join(secrets.choice(_PREFIX_CHARACTERS) for _ in range(10))
    secret = secrets.token_urlsafe(32)
    key = ApiKey(
        user_id=actor.person_id,
        name=names.label(name),
        prefix=prefix,
        secret_hash=_digest(secret),
        scope=scope,
        expires_at=now() + timedelta(days=days) if days else None,
    )
    tx.add(key)
    await tx.flush()
    note("api_key", key.id, f"{key.name} ({prefix})", scope=scope, days=days)
    return _view(key), f"pk_{prefix}_{secret}"


@operation(Action.KEY_REVOKE)
async def revoke_key(tx: Tx, actor: Actor, key_id: int) -> None:
    """Make an API key worthless, at once and for ever. Twice is once.

    Raises:
        NotFound: no such key, or somebody else's.
    """
    note("api_key", key_id)
    key = await owned(Action.KEY_REVOKE, tx, actor, ApiKey, key_id, "That key")
    key.revoked_at = key.revoked_at or now()
    announce(tx, AccessChanged([key.user_id]))


@operation(Action.SSH_KEY_LIST)
async def list_ssh_keys(tx: Tx, actor: Actor) -> list[SshKeyView]:
    """The actor's SSH public keys, newest first."""
    require(actor, Action.SSH_KEY_LIST)
    query = select(SshKey).where(SshKey.user_id == actor.user_id).order_by(col(SshKey.id).desc())
    return [_ssh_view(key) for key in (await tx.exec(query)).all()]


@operation(Action.SSH_KEY_ADD)
async def add_ssh_key(tx: Tx, actor: Actor, *, public_key: str, name: str = "") -> SshKeyView:
    """Keep an SSH public key as the actor's own. Its name is its comment where none is given.

    Raises:
        Invalid: it is no public key, or too weak.
        Conflict: somebody has it already, or the actor has as many as anybody may.
    """
    require(actor, Action.SSH_KEY_ADD)
    found = read_public_key(public_key)
    mine = select(func.count()).where(SshKey.user_id == actor.user_id)
    await _refuse_too_many(tx, mine, "SSH keys. Remove one first.")
    key = SshKey(
        user_id=actor.person_id,
        name=names.label(name.strip() or found.comment[:100] or found.kind),
        public_key=found.line,
        fingerprint=found.fingerprint,
    )
    tx.add(key)
    try:
        await tx.flush()
    except IntegrityError as fault:
        raise Conflict("That key is somebody's already. A key says who one is: use another.") from fault
    note("ssh_key", key.id, f"{key.name} {key.fingerprint}")
    return _ssh_view(key)


@operation(Action.SSH_KEY_REMOVE)
async def remove_ssh_key(tx: Tx, actor: Actor, key_id: int) -> None:
    """Forget an SSH public key. Whoever came in with it is out.

    Raises:
        NotFound: no such key, or somebody else's.
    """
    note("ssh_key", key_id)
    key = await owned(Action.SSH_KEY_REMOVE, tx, actor, SshKey, key_id, "That key")
    announce(tx, AccessChanged([key.user_id]))
    await tx.delete(key)


async def _refuse_too_many(tx: Tx, count_mine: object, what: str) -> None:
    if (await tx.exec(count_mine)).one() >= MOST_KEYS:  # type: ignore[call-overload]
        raise Conflict(f"You have {MOST_KEYS} {what}")


@lru_cache
def _by_prefix():  # a query's type would say less than the query
    """Kept: every request of a program asks it. What it finds is never kept: a key that is revoked opens nothing."""
    return select(ApiKey, User).join(User).where(ApiKey.prefix == bindparam("prefix"), col(User.is_active))


async def _touch(key_id: int, ip: str) -> None:
    async with transaction() as tx:
        key = await tx.get(ApiKey, key_id)
        if key is not None:
            if key.last_used_at is None:
                announce(tx, KeyUsed(key.user_id))
            key.last_used_at, key.last_used_ip = now(), ip[:64]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        scope=Scope(key.scope),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        last_used_ip=key.last_used_ip,
        revoked_at=key.revoked_at,
    )


def _ssh_view(key: SshKey) -> SshKeyView:
    kind = key.public_key.partition(" ")[0]
    return SshKeyView(key.id, key.name, kind, key.fingerprint, key.created_at, key.last_used_at)
