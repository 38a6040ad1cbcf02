"""Teams, who is in them, and what is shared with whom."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class Team(Table, table=True):
    """People who share containers. The owner always has an admin membership."""

    __tablename__ = "team"

    id: int = id_field()
    name: str = Field(max_length=64, unique=True)
    description: str = Field(default="", max_length=300)
    owner_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    active: bool = True
    created_at: datetime = at_field(set_now=True)


class TeamMembership(Table, table=True):
    """A user in a team, as `member` or `admin`."""

    __tablename__ = "team_membership"
    __table_args__ = (
        UniqueConstraint("team_id", "user_id"),
        Index("ix_team_membership_user_active", "user_id", "active"),
        Index("ix_team_membership_team_active", "team_id", "active"),
    )

    id: int = id_field()
    team_id: int = Field(foreign_key="team.id", ondelete="CASCADE")
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    role: str = Field(default="member", max_length=16)
    active: bool = True
    created_at: datetime = at_field(set_now=True)


class ContainerShare(Table, table=True):
    """A container shared with a team or with one user, in a role of rules/policy.py."""

    __tablename__ = "container_share"
    __table_args__ = (
        CheckConstraint("(team_id IS NULL) <> (user_id IS NULL)", name="ck_container_share_one_target"),
        UniqueConstraint("container_id", "team_id"),
        UniqueConstraint("container_id", "user_id"),
    )

    id: int = id_field()
    container_id: int = Field(foreign_key="container.id", index=True, ondelete="CASCADE")
    team_id: int | None = Field(default=None, foreign_key="team.id", index=True, ondelete="CASCADE")
    user_id: int | None = Field(default=None, foreign_key="user_account.id", index=True, ondelete="CASCADE")
    role: str = Field(default="viewer", max_length=16)
    created_at: datetime = at_field(set_now=True)
