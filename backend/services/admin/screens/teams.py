"""Teams."""

from sqlalchemy.orm import join
from sqlmodel import col, func, select

from backend.models import Team, TeamMembership, User
from backend.services.admin.screen import Column, Screen, Show, numbered, yes_or_no

_MEMBERS = select(func.count()).where(TeamMembership.team_id == Team.id, col(TeamMembership.active)).scalar_subquery()

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
)
