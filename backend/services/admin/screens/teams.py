"""Teams."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import join
from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import Team, TeamMembership, User
from backend.rules.forms import Choice, Field, Kind, When
from backend.rules.policy import Actor
from backend.services import teams
from backend.services.admin.screen import Column, Screen, Show, deletion, numbered, yes_or_no

_MEMBERS = select(func.count()).where(TeamMembership.team_id == Team.id, col(TeamMembership.active)).scalar_subquery()

_MOST_OFFERED = 500


async def _people(tx: Tx) -> Mapping[str, tuple[Choice, ...]]:
    query = select(User.id, User.username).where(col(User.is_active)).order_by(col(User.username)).limit(_MOST_OFFERED)
    return {"owner_id": tuple(Choice(str(number), name) for number, name in (await tx.exec(query)).all())}


async def _values(tx: Tx, key: str) -> dict[str, Any]:
    team = await tx.get_one(Team, int(key))
    return {"name": team.name, "description": team.description, "owner_id": str(team.owner_id), "active": team.active}


async def _add(tx: Tx, actor: Actor, values: Mapping[str, Any]) -> int:
    return (await teams.create_team(tx, actor, **_given(values))).id


async def _save(tx: Tx, actor: Actor, key: str, values: Mapping[str, Any]) -> None:
    await teams.update_team(tx, actor, int(key), **_given(values))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "owner_id": int(values["owner_id"])}


SCREEN = Screen(
    path="vm_manager/team",
    title="Teams",
    one="team",
    icon="users-round",
    help="People who share containers. The owner is always an admin of it.",
    source=join(Team, User),
    key=col(Team.id),
    name=col(Team.name),
    target_type="team",
    columns=(
        Column("name", "Name", col(Team.name)),
        Column("owner", "Owner", col(User.username), link="/admin/auth/user/{owner_id}/"),
        Column("owner_id", of=col(Team.owner_id), hidden=True),
        Column("members", "Members", _MEMBERS, Show.NUMBER),
        Column("active", "Active", col(Team.active), Show.SWITCH),
        Column("created_at", "Made", col(Team.created_at), Show.AT),
    ),
    facts=(Column("description", "About", col(Team.description)),),
    search=(col(Team.name), col(Team.description), col(User.username)),
    filters=(
        yes_or_no("active", "Active", col(Team.active)),
        numbered("user", "Owner number", col(Team.owner_id)),
    ),
    ordering="name",
    model=Team,
    fields=(
        Field(name="name", label="Name", required=True, longest=64),
        Field(name="description", label="About", longest=300),
        Field(name="owner_id", label="Owner", kind=Kind.CHOICE, required=True, help="An active member of the team."),
        Field(
            name="active",
            label="Active",
            kind=Kind.SWITCH,
            when=When.CHANGING,
            help="Inactive: all its memberships are, too.",
        ),
    ),
    choices=_people,
    values=_values,
    add=_add,
    save=_save,
    acts=(deletion(teams.delete_team, "What was shared with it stays its owners' alone."),),
    links=(("What happened to it", "/admin/internal_config/auditlog/?target_type=team&target={id}"),),
)
