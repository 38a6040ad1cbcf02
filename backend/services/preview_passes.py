"""What lets a browser at a preview: tickets, passes and the secrets of links. Only their hashes are kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, delete, func, or_, select

from backend.db import Tx, reading
from backend.errors import Conflict, TicketSpent
from backend.models import Container, PreviewLink, PreviewPass, Session, User
from backend.models.base import now
from backend.rules.policy import Actor, Via
from backend.rules.previews import Place

TICKET_S = 30
PASS_LIFE = timedelta(hours=12)
_MOST_BY_LINK = 2000


@dataclass(frozen=True, slots=True)
class Holder:
    """A pass that is good: for which port, and on whose account."""

    actor: Actor
    container_id: int
    place: Place


def new_secret() -> tuple[str, str]:
    """A secret, and the hash to keep of it."""
    secret = secrets.token_urlsafe(32)
    return secret, _digest(secret)


async def give_ticket(tx: Tx, person: Actor, container_id: int, port: int) -> tuple[str, datetime]:
    """A ticket for one visit, on the person’s account and for no longer than their session; what ran out is swept."""
    await tx.exec(delete(PreviewPass).where(col(PreviewPass.expires_at) <= now()))
    secret, digest = new_secret()
    ends_at = now() + timedelta(seconds=TICKET_S)
    tx.add(
        PreviewPass(
            token_hash=digest, is_ticket=True, container_id=container_id, port=port,
            user_id=person.person_id, session_id=person.session_id, expires_at=ends_at,
        )
    )  # fmt: skip
    return secret, ends_at


async def exchange(tx: Tx, label: str, *, ticket: str, link: str) -> tuple[str, datetime]:
    """Take a ticket, which is then spent, or a link's secret, for a pass to the preview with this label.

    Raises:
        TicketSpent: it is not good, or not for this preview.
    """
    source = await (_by_link(tx, link) if link else _by_ticket(tx, ticket))
    if source is None:
        raise TicketSpent
    container = await tx.get(Container, source.container_id)
    if container is None or Place(container.uuid, source.port).label != label:
        raise TicketSpent
    secret, source.token_hash = new_secret()
    tx.add(source)
    return secret, source.expires_at


async def holder_of(secret: str) -> Holder | None:
    """Who holds this pass; None where it is none (any more), or what it came from has ended."""
    if not 0 < len(secret) < 100:
        return None
    is_good = (
        PreviewPass.token_hash == _digest(secret),
        col(PreviewPass.is_ticket).is_(False),
        col(PreviewPass.expires_at) > now(),
        or_(col(PreviewPass.session_id).is_(None), col(Session.expires_at) > now()),
        or_(col(PreviewPass.link_id).is_(None), col(PreviewLink.expires_at) > now()),
        col(User.is_active),
    )
    query = (
        select(PreviewPass, User, Container.uuid)
        .join(User, col(User.id) == col(PreviewPass.user_id))
        .join(Container, col(Container.id) == col(PreviewPass.container_id))
        .join(Session, col(Session.id) == col(PreviewPass.session_id), isouter=True)
        .join(PreviewLink, col(PreviewLink.id) == col(PreviewPass.link_id), isouter=True)
    )
    async with reading() as tx:
        row = (await tx.exec(query.where(*is_good))).first()
    if row is None:
        return None
    held, user, uuid = row
    actor = Actor(
        user.id,
        user.username,
        user.is_superuser,
        Via.WEB,
        session_id=held.session_id,
        must_change_password=user.must_change_password,
    )
    return Holder(actor, held.container_id, Place(uuid, held.port))


async def container_at(uuid: UUID) -> int | None:
    """The id of the container that a preview's address names: where its page is, for who may see it."""
    async with reading() as tx:
        return (await tx.exec(select(Container.id).where(Container.uuid == uuid))).first()


async def _by_ticket(tx: Tx, ticket: str) -> PreviewPass | None:
    query = select(PreviewPass).where(
        PreviewPass.token_hash == _digest(ticket), col(PreviewPass.is_ticket), col(PreviewPass.expires_at) > now()
    )
    found = (await tx.exec(query.with_for_update())).first()
    if found is None:
        return None
    found.is_ticket, found.expires_at = False, now() + PASS_LIFE
    return found


async def _by_link(tx: Tx, secret: str) -> PreviewPass | None:
    link = (await tx.exec(select(PreviewLink).where(PreviewLink.token_hash == _digest(secret)))).first()
    if link is None or link.expires_at <= now():
        return None
    visits = select(func.count()).select_from(PreviewPass).where(PreviewPass.link_id == link.id)
    if (await tx.exec(visits)).one() >= _MOST_BY_LINK:
        raise Conflict("Too many browsers have come in by this link. Ask for another one.")
    return PreviewPass(
        token_hash="", is_ticket=False, container_id=link.container_id, port=link.port, user_id=link.user_id,
        link_id=link.id, expires_at=min(link.expires_at, now() + PASS_LIFE),
    )  # fmt: skip


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
