"""Who gets in by SSH, with which key, and into which container."""

from dataclasses import dataclass, replace

from sqlmodel import col, func, select

from backend.db import Tx, reading
from backend.errors import BadCredentials, NotFound
from backend.models import Container, DesiredState, SshKey, Status, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules import ssh
from backend.rules.policy import Action, Actor, Scope, Via
from backend.services import attempts, ssh_host_key
from backend.services.access import visible_containers_for
from backend.services.doors import Door, door
from backend.services.sessions import SEEN_EVERY
from backend.services.ssh_host_key import GatewayView
from backend.services.targets import is_asleep

_UNKNOWN = "That key is nobody's here. Add it on the page Account, Keys."
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Way:
    """The way into a container, and what it is up to."""

    name: str
    door: Door
    is_wanted: bool
    """It runs, or is on its way there."""
    is_asleep: bool
    fault: str
    """Why it can't run; empty otherwise."""


async def holder_of(fingerprint: str, known: Actor) -> Actor | None:
    """Whose key that is, from where and with what as `known` says; None for a key that is nobody's who may come in."""
    query = select(User).join(SshKey).where(SshKey.fingerprint == fingerprint, col(User.is_active))
    async with reading() as tx:
        user = (await tx.exec(query)).first()
    return _actor(user, fingerprint, known) if user is not None else None


async def refuse_guessers(known: Actor) -> None:
    """Nobody is listened to who failed too often from there.

    Raises:
        Throttled: they have to wait.
    """
    async with reading() as tx:
        await attempts.refuse_too_soon(tx, attempts.address_keys("ssh", known.ip))


@operation(Action.SSH_LOGIN)
async def sign_in(tx: Tx, actor: Actor, fingerprint: str) -> Actor:
    """Take the one who proved to have the key for whoever it belongs to. A key that is nobody's is a failed attempt.

    Raises:
        BadCredentials: it is nobody's, or of somebody who may not come in.
        Throttled: too many failures from this address.
    """
    require(actor, Action.SSH_LOGIN)
    note("ssh_key", message=fingerprint[:100])
    query = select(SshKey, User).join(User).where(SshKey.fingerprint == fingerprint, col(User.is_active))
    found = (await tx.exec(query)).first()
    if found is None:  # only this is a guess: who has a key of ours may come in often, and many times at once
        async with attempts.attempt(tx, attempts.address_keys("ssh", actor.ip)):
            raise BadCredentials(_UNKNOWN)
    key, user = found
    if key.last_used_at is None or now() - key.last_used_at > SEEN_EVERY:
        key.last_used_at = now()
    note("ssh_key", key.id, f"{key.name} {fingerprint}", user_id=user.id, username=user.username)
    return _actor(user, fingerprint, actor)


async def container_named(tx: Tx, person: Actor, login: str) -> int:
    """Which container the user name of a log-in is about. Whether it may be entered is asked when it is.

    Raises:
        NotFound: it names none that the person sees. Of others nothing is told.
    """
    wanted, found = ssh.named(login), None
    if wanted is not None:
        query = select(Container.id).where(Container.name == wanted.name)
        if wanted.owner:
            query = query.join(User).where(func.lower(User.username) == wanted.owner.lower())
            query = query if person.is_superuser else query.where(visible_containers_for(person))
        else:
            query = query.where(Container.user_id == person.user_id)
        found = (await tx.exec(query)).first() or wanted.container_id
    if found is None:
        raise NotFound("That container")
    return found


@operation(Action.SSH_SESSION)
async def begin_session(tx: Tx, actor: Actor, container_id: int, what: str) -> Way:
    """Let the actor have a shell, a command or the files of the container; `what` says which.

    Raises:
        NotFound, Forbidden: not the actor's to see, or to go inside.
    """
    note(message=what[:_SHOWN])
    return await _way(Action.SSH_SESSION, tx, actor, container_id)


@operation(Action.SSH_FORWARD)
async def begin_forward(tx: Tx, actor: Actor, container_id: int, what: str) -> Way:
    """Let the actor connect to `what` the container's guest reaches.

    Raises:
        NotFound, Forbidden: as `begin_session`.
    """
    note(message=what[:_SHOWN])
    return await _way(Action.SSH_FORWARD, tx, actor, container_id)


@operation(Action.SSH_LOOK)
async def look(tx: Tx, actor: Actor, container_id: int) -> Way:
    """The same way, for somebody who is in already.

    Raises:
        NotFound, Forbidden: it is gone, or not the actor's any more.
    """
    return await _way(Action.SSH_LOOK, tx, actor, container_id)


@operation(Action.SSH_LOGOUT)
async def leave(tx: Tx, actor: Actor, container_id: int, after_s: float) -> None:
    """Note that the actor, who came in, has gone; whatever became of the container meanwhile."""
    require(actor, Action.SSH_LOGOUT, owner_id=actor.user_id)
    note("container", container_id, f"after {after_s:.0f} s")


@operation(Action.SSH_GATEWAY)
async def gateway(tx: Tx, actor: Actor) -> GatewayView:
    """Where the gateway is, and how one knows it."""
    require(actor, Action.SSH_GATEWAY)
    return ssh_host_key.view()


async def _way(action: Action, tx: Tx, actor: Actor, container_id: int) -> Way:
    into = await door(action, tx, actor, container_id)
    container = await tx.get_one(Container, container_id)
    return Way(
        name=container.name,
        door=into,
        is_wanted=container.desired_state is DesiredState.RUNNING and container.status is not Status.ERROR,
        is_asleep=is_asleep(container),
        fault=container.status_reason if container.status is Status.ERROR else "",
    )


def _actor(user: User, fingerprint: str, known: Actor) -> Actor:
    """What they may do is what a key for programs may that runs commands: an SSH key opens containers, not accounts."""
    return replace(
        known,
        user_id=user.id,
        username=user.username,
        is_superuser=user.is_superuser,
        via=Via.SSH,
        scope=Scope.EXEC,
        ssh_key=fingerprint,
        must_change_password=user.must_change_password,
    )
