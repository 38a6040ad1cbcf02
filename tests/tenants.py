"""Two tenants and everybody in between: what the cross-tenant matrix tries everything on, and as whom."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from sqlmodel import select

from backend.db import Tx, transaction
from backend.models import (
    AIConversation,
    AIEvent,
    AITurn,
    ApiKey,
    Checkpoint,
    CheckpointState,
    ConnectedAccount,
    ContainerSchedule,
    ContainerShare,
    ExternalIdentity,
    FileTemplate,
    Habit,
    Invitation,
    Node,
    Notification,
    OneShotRun,
    PreviewLink,
    PushSubscription,
    Session,
    SshKey,
    Team,
    TeamMembership,
    TipDecision,
    TurnStatus,
    User,
    Webhook,
    WebhookDelivery,
)
from backend.models.base import now
from backend.rules.policy import NOBODY, Actor, Role, TeamRole
from backend.services import sharing, teams
from tests.factories import a_container, a_node, a_team, an_actor

_numbers = count(1)

NAMES = ("nobody", "stranger", "removed", "inactive", "unshared", "member", "team admin", "direct", "owner")
_TIP = {
    "kind": "mood_low",
    "sentence": "A secret of the owner",
    "action": {},
    "phrased_by": "template",
    "grounding": {},
}
_THROUGH_TEAM = {"member": TeamRole.MEMBER, "team admin": TeamRole.ADMIN}


@dataclass
class Thing:
    """A container of the owner, shared with a team in one role, and with one person directly in the same."""

    role: Role
    name: str
    container_id: int
    share_id: int
    schedule_id: int
    link_id: int
    conversation_ids: dict[str, int]
    """One of each person's own, by who they are; nobody tries the owner's."""
    turn_ids: dict[str, int]
    """The turn in each of them."""
    checkpoint_id: int


@dataclass
class World:
    """Who is who, and the owner's things."""

    people: dict[str, Actor]
    node: Node
    sids: dict[str, str] = field(default_factory=dict)
    own: dict[str, int] = field(default_factory=dict)
    """Things that are the owner's alone: an id by the name of the parameter that takes it."""
    team_id: int = 0
    team_name: str = ""

    @property
    def owner_id(self) -> int:
        return self.people["owner"].person_id

    def role_in_container(self, who: str, thing: Thing) -> Role | None:
        """What the person is to the container, as it was arranged here: not as the database says."""
        return thing.role if who in (*_THROUGH_TEAM, "direct") else None

    def role_in_team(self, who: str) -> TeamRole | None:
        return TeamRole.ADMIN if who == "owner" else _THROUGH_TEAM.get(who)


async def a_world_of_tenants() -> World:
    """Everybody, signed in, and what is the owner's alone."""
    async with transaction() as tx:
        people = {name: await an_actor(tx, limit=100) for name in NAMES if name != "nobody"}
        world = World({"nobody": NOBODY, **people}, await a_node(tx, mem_mb=2**20, vcpus=1024))
        world.sids = {name: await signed_in(tx, actor) for name, actor in people.items()} | {"nobody": ""}
        world.own = await _belongings(tx, people["owner"])
    return world


async def a_fresh_team(world: World) -> None:
    """Another team in place of the world's: with a member, an admin, and who will be removed or made inactive."""
    people = world.people
    async with transaction() as tx:
        if (last := await tx.get(Team, world.team_id)) is not None:
            await tx.delete(last)
    async with transaction() as tx:
        inside = [people[name] for name in ("member", "removed", "inactive")]
        world.team_id = await a_team(tx, people["owner"], *inside, admins=(people["team admin"],))
        world.team_name = f"secret-team-{next(_numbers)}"
        await teams.update_team(tx, people["owner"], world.team_id, name=world.team_name)


async def a_fresh_thing(world: World, role: Role) -> Thing:
    """A container shared in that role with the team, with one person, and with two who had it once."""
    owner, people = world.people["owner"], world.people
    async with transaction() as tx:
        name = f"secret-box-{next(_numbers)}"
        container = await a_container(tx, owner, world.node)
        container.name = name
        schedule = ContainerSchedule(container_id=container.id, minute_of_day=60)
        link = PreviewLink(
            container_id=container.id, port=8080, token_hash=name, user_id=owner.person_id, expires_at=now()
        )
        talks = {
            who: AIConversation(user_id=actor.user_id or owner.person_id, container_id=container.id, last_seq=1)
            for who, actor in people.items()
        }
        tx.add_all([schedule, link, *talks.values()])
        await tx.flush()
        tx.add_all(AIEvent(conversation_id=talk.id, seq=1, kind="user", data={"text": "?"}) for talk in talks.values())
        asked = {who: AITurn(conversation_id=talk.id, status=TurnStatus.DONE) for who, talk in talks.items()}
        checkpoint = Checkpoint(
            container_id=container.id, tag=name, disk=container.disk_name, state=CheckpointState.MADE
        )
        tx.add_all([checkpoint, *asked.values()])
        await tx.flush()
        box = container.id
        await sharing.share(tx, owner, box, role=role, team_id=world.team_id)
        for who in ("direct", "unshared"):
            await sharing.share(tx, owner, box, role=role, username=people[who].username)
        await tx.flush()
        shares = (await tx.exec(select(ContainerShare).where(ContainerShare.container_id == box))).all()
        gone = next(each for each in shares if each.user_id == people["unshared"].user_id)
        await sharing.unshare(tx, owner, box, gone.id)
        through_team = next(each.id for each in shares if each.team_id is not None)
    ids = {who: talk.id for who, talk in talks.items()}
    turns = {who: turn.id for who, turn in asked.items()}
    return Thing(role, name, box, through_team or 0, schedule.id, link.id, ids, turns, checkpoint.id)


async def leave_some_behind(world: World) -> None:
    """Who was in the team and is not any more, after things were shared with it."""
    owner, people = world.people["owner"], world.people
    async with transaction() as tx:
        members = (await tx.exec(select(TeamMembership.user_id).where(TeamMembership.team_id == world.team_id))).all()
        if people["removed"].user_id in members:
            await teams.remove_member(tx, owner, world.team_id, people["removed"].person_id)
        await teams.change_member(tx, owner, world.team_id, people["inactive"].person_id, active=False)


async def signed_in(tx: Tx, actor: Actor) -> str:
    """The session cookie of a browser that the actor is signed in with."""
    (await tx.get_one(User, actor.user_id)).password_hash = ""
    sid = f"sid-of-{actor.username}-{next(_numbers)}"
    digest = hashlib.sha256(sid.encode()).hexdigest()
    tx.add(Session(user_id=actor.user_id, token_hash=digest, expires_at=now() + timedelta(days=1)))
    return sid


async def _belongings(tx: Tx, owner: Actor) -> dict[str, int]:
    """One of each thing that is a person's alone."""
    user_id = owner.person_id
    webhook = Webhook(user_id=user_id, url="http://192.0.2.1/", secret_sealed="")
    tx.add(webhook)
    await tx.flush()
    rows = {
        "session_id": Session(user_id=user_id, token_hash="owner's other", expires_at=now() + timedelta(days=1)),
        "notice_id": Notification(user_id=user_id, kind="container.failed", title="A secret of the owner"),
        "delivery_id": WebhookDelivery(webhook_id=webhook.id, kind="container.failed"),
        "template_id": FileTemplate(slug="owners-own", name="Owner's own", public=False, owner_id=user_id),
        "api key": ApiKey(user_id=user_id, name="k", prefix="owners", secret_hash="x", scope="read"),
        "identity_id": ExternalIdentity(user_id=user_id, issuer="https://id.example", subject="owner"),
        "invitation_id": Invitation(token_hash="owner's", invited_by_id=user_id, expires_at=now() + timedelta(days=1)),
        "habit_id": Habit(user_id=user_id, name="A secret habit", created_on=now().date()),
        "connection_id": ConnectedAccount(user_id=user_id, provider="ics", label="secret.example"),
        "decision_id": TipDecision(
            user_id=user_id, policy="random", stage="active", seed=1, ends_at=now() + timedelta(days=1), shown=_TIP
        ),
        "subscription_id": PushSubscription(user_id=user_id, endpoint_digest="owner's", sealed="", host="push.example"),
        "run_id": OneShotRun(user_id=user_id, command="echo A secret of the owner", timeout_s=60),
        "ssh key": SshKey(user_id=user_id, name="k", public_key="ssh-ed25519 AAAA", fingerprint="owners"),
    }
    tx.add_all(rows.values())
    await tx.flush()
    return {name: row.id for name, row in rows.items()} | {"webhook_id": webhook.id, "user_id": user_id}
