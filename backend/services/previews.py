"""Previews of what a container's programs serve: to whom they are shown, and how a browser is let at one.

Who may open a port gets a ticket, which is good for one visit to the port's own origin within half a minute; there it
becomes a pass, a cookie of that origin (preview_passes.py). A link is a ticket for anybody, for as long as it holds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, delete, func, select

from backend.db import Tx
from backend.errors import Conflict, NotFound, NotShown
from backend.events.bus import ContainerChanged, announce
from backend.models import Container, PreviewLink, PreviewPort, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import previews as rules
from backend.rules.policy import Action, Actor, Verdict, judge
from backend.rules.previews import Level, Place
from backend.services import preview_passes as passes
from backend.services.access import role_of
from backend.services.doors import Door, door
from backend.services.targets import locked, visible

_MOST = 50
"""Ports that are shown, and links that hold, of one container."""


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link that holds; what it opens with is told once, when it is made."""

    id: int
    port: int
    made_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PreviewView:
    """A port that is shown to somebody."""

    port: int
    level: Level
    label: str
    links: tuple[LinkView, ...] = ()
    """For who may end them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A way in: the port's label, and the secret that opens it."""

    label: str
    secret: str
    expires_at: datetime


@operation(Action.PORT_LIST)
async def ports(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let the actor see what the container listens on.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to look into.
    """
    return await door(Action.PORT_LIST, tx, actor, container_id)


@operation(Action.PREVIEW_LIST)
async def list_previews(tx: Tx, actor: Actor, container_id: int) -> list[PreviewView]:
    """The ports that are shown to others, with the links to them for who may end those.

    Raises:
        NotFound: no such container, or not the actor's to see.
    """
    container = await visible(Action.PREVIEW_LIST, tx, actor, container_id)
    shown = set((await tx.exec(select(PreviewPort.port).where(PreviewPort.container_id == container_id))).all())
    links = await _links(tx, container_id) if await _may(tx, actor, container, Action.PREVIEW_LINK) else []
    return [
        PreviewView(
            port,
            Level.TEAM if port in shown else Level.ME,
            Place(container.uuid, port).label,
            tuple(each for each in links if each.port == port),
        )
        for port in sorted(shown | {each.port for each in links})
    ]


@operation(Action.PREVIEW_OPEN)
async def open_preview(tx: Tx, actor: Actor, container_id: int, port: int) -> Entry:
    """Let the actor at a port, with a ticket.

    Raises:
        Invalid: that is no port for pages.
        NotFound, NotShown: not the actor's to see.
        Conflict: the actor is a program.
    """
    container = await _shown(Action.PREVIEW_OPEN, tx, actor, container_id, port)
    if actor.session_id is None:
        raise Conflict("A preview is opened by a browser that is signed in. A program makes a link to it instead.")
    ticket, expires_at = await passes.give_ticket(tx, actor, container_id, port)
    note(message=f"{container.name}: port {port}")
    return Entry(Place(container.uuid, port).label, ticket, expires_at)


@operation(Action.PREVIEW_ENTER)
async def enter(tx: Tx, actor: Actor, label: str, *, ticket: str = "", link: str = "") -> tuple[str, datetime]:
    """Take a ticket, or a link's secret, for a pass; returns the pass and when it ends. The actor may be anybody.

    Raises:
        TicketSpent: it is not good (any more), or not for this preview.
    """
    require(actor, Action.PREVIEW_ENTER)
    note("preview", label[:64], "by a link" if link else "")
    return await passes.exchange(tx, label, ticket=ticket, link=link)


@operation(Action.PREVIEW_LOOK)
async def look(tx: Tx, actor: Actor, container_id: int, port: int) -> Door:
    """The way to a port, for somebody who was let at it already.

    Raises:
        NotFound, NotShown: it is gone, or not the actor's to see any more.
    """
    await _shown(Action.PREVIEW_LOOK, tx, actor, container_id, port)
    return await door(Action.PREVIEW_LOOK, tx, actor, container_id)


@operation(Action.PREVIEW_SHOW_TO)
async def show_to(tx: Tx, actor: Actor, container_id: int, port: int, level: str) -> None:
    """Say who may open a port. Whoever may not any more loses it at once.

    Raises:
        NotFound, Forbidden: not the actor's to share.
        Invalid: no such port or level.
        Conflict: too many are shown already.
    """
    container = await locked(Action.PREVIEW_SHOW_TO, tx, actor, container_id)
    chosen = rules.level(level)
    note(message=f"{container.name}: port {rules.check_port(port)} to {chosen}")
    row = await _row(tx, container_id, port)
    if chosen is Level.ME and row is not None:
        await tx.delete(row)
    elif chosen is Level.TEAM and row is None:
        await _refuse_too_many(tx, container_id)
        tx.add(PreviewPort(container_id=container_id, port=port))
    announce(tx, ContainerChanged(container.id, container.user_id))


@operation(Action.PREVIEW_LINK)
async def make_link(tx: Tx, actor: Actor, container_id: int, port: int, hours: int) -> tuple[Entry, LinkView]:
    """Make a link that lets anybody at a port, for some hours or until it is taken back.

    Raises:
        NotFound, Forbidden: not the actor's to share.
        Invalid: no such port, or too long.
        Conflict: there are too many.
    """
    container = await locked(Action.PREVIEW_LINK, tx, actor, container_id)
    rules.check_port(port)
    expires_at = now() + timedelta(hours=rules.link_hours(hours))
    note(message=f"{container.name}: port {port} to anybody for {hours} h")
    await tx.exec(delete(PreviewLink).where(col(PreviewLink.expires_at) <= now()))
    await _refuse_too_many(tx, container_id)
    secret, digest = passes.new_secret()
    link = PreviewLink(
        container_id=container_id, port=port, token_hash=digest, user_id=actor.person_id, expires_at=expires_at
    )
    tx.add(link)
    await tx.flush()
    announce(tx, ContainerChanged(container.id, container.user_id))
    view = LinkView(link.id, port, actor.username, expires_at)
    return Entry(Place(container.uuid, port).label, secret, expires_at), view


@operation(Action.PREVIEW_UNLINK)
async def end_link(tx: Tx, actor: Actor, container_id: int, link_id: int) -> None:
    """Take a link back: whoever came in by it is out.

    Raises:
        NotFound, Forbidden: not the actor's to share, or no such link.
    """
    container = await visible(Action.PREVIEW_UNLINK, tx, actor, container_id)
    link = await tx.get(PreviewLink, link_id)
    if link is None or link.container_id != container_id:
        raise NotFound("That link")
    note(message=f"{container.name}: link {link_id} to port {link.port} ended")
    await tx.delete(link)
    announce(tx, ContainerChanged(container.id, container.user_id))


async def _shown(action: Action, tx: Tx, actor: Actor, container_id: int, port: int) -> Container:
    """The container, if the actor may open its port.

    Who may go inside sees every port from there anyway; who may only look sees what is shown to the team.
    """
    container = await visible(action, tx, actor, container_id)
    rules.check_port(port)
    if container.delete_requested_at is not None:
        raise NotFound("That container")
    if not await _may(tx, actor, container, Action.PORT_LIST) and await _row(tx, container_id, port) is None:
        raise NotShown(port)
    return container


async def _row(tx: Tx, container_id: int, port: int) -> PreviewPort | None:
    query = select(PreviewPort).where(PreviewPort.container_id == container_id, PreviewPort.port == port)
    return (await tx.exec(query)).first()


async def _may(tx: Tx, actor: Actor, container: Container, action: Action) -> bool:
    """Whether the actor may do more than what they are let at for now."""
    role = await role_of(tx, actor, container)
    return judge(actor, action, owner_id=container.user_id, role=role) is Verdict.ALLOW


async def _links(tx: Tx, container_id: int) -> list[LinkView]:
    query = select(PreviewLink, User.username).join(User)
    query = query.where(PreviewLink.container_id == container_id, col(PreviewLink.expires_at) > now())
    return [
        LinkView(link.id, link.port, name, link.expires_at)
        for link, name in (await tx.exec(query.order_by(col(PreviewLink.id)))).all()
    ]


async def _refuse_too_many(tx: Tx, container_id: int) -> None:
    for table in (PreviewPort, PreviewLink):
        count = select(func.count()).select_from(table).where(table.container_id == container_id)
        if (await tx.exec(count)).one() >= _MOST:
            raise Conflict(
                f"Of one container {_MOST} ports are shown, and {_MOST} links made, at most. End some first."
            )
