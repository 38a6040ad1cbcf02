"""Who may come in: users, what they prove themselves with, their sessions, and what slows down guessing."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, func, text
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class User(Table, table=True):
    """A person. `is_superuser` may administer everything."""

    __tablename__ = "user_account"
    __table_args__ = (Index("ux_user_account_username_lower", func.lower(text("username")), unique=True),)

    id: int = id_field()
    username: str = Field(max_length=64, unique=True, index=True)
    display_name: str = Field(default="", max_length=100)
    email: str = Field(default="", max_length=254)
    password_hash: str
    """Empty for who signs in through somebody else only."""
    must_change_password: bool = False
    """An administrator set the password: the person chooses another before anything else."""
    totp_secret_sealed: str = Field(default="", max_length=400)
    totp_enabled_at: datetime | None = at_field(nullable=True)
    totp_last_step: int = 0
    """The last time step whose code was taken: no code is good twice."""
    is_superuser: bool = False
    is_active: bool = True
    delete_requested_at: datetime | None = at_field(nullable=True)
    """The account goes as soon as its containers are gone."""
    last_login_at: datetime | None = at_field(nullable=True)
    created_at: datetime = at_field(set_now=True)


class ExternalIdentity(Table, table=True):
    """A user as an OIDC provider knows them. Matched by issuer and subject only, never by e-mail."""

    __tablename__ = "external_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    issuer: str = Field(max_length=300)
    subject: str = Field(max_length=255)
    email: str = Field(default="", max_length=254)
    created_at: datetime = at_field(set_now=True)
    last_login_at: datetime | None = at_field(nullable=True)


class RecoveryCode(Table, table=True):
    """A way in without the second factor, good once. Kept only as a hash."""

    __tablename__ = "recovery_code"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    code_hash: str = Field(max_length=64)
    used_at: datetime | None = at_field(nullable=True)


class Session(Table, table=True):
    """A signed-in browser. The cookie's value is kept only as its SHA-256."""

    __tablename__ = "session"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    token_hash: str = Field(max_length=64, unique=True, index=True)
    created_at: datetime = at_field(set_now=True)
    last_seen_at: datetime = at_field(set_now=True)
    expires_at: datetime = at_field(set_now=True)
    ip: str = Field(default="", max_length=64)
    user_agent: str = Field(default="", max_length=400)


class LoginThrottle(Table, table=True):
    """Failed log-ins for one key (a name, or an address); rules/throttle.py says what they cost."""

    __tablename__ = "login_throttle"

    key: str = Field(primary_key=True, max_length=200)
    failures: int = 0
    last_failure_at: datetime = at_field(set_now=True)


class Invitation(Table, table=True):
    """A link that lets its holder sign up, join a team, or both. Kept only as the token's SHA-256."""

    __tablename__ = "invitation"

    id: int = id_field()
    token_hash: str = Field(max_length=64, unique=True, index=True)
    email: str = Field(default="", max_length=254)
    team_id: int | None = Field(default=None, foreign_key="team.id", index=True, ondelete="CASCADE")
    team_role: str = Field(default="member", max_length=16)
    invited_by_id: int | None = Field(default=None, foreign_key="user_account.id", ondelete="CASCADE")
    created_at: datetime = at_field(set_now=True)
    expires_at: datetime = at_field(set_now=True)
    accepted_at: datetime | None = at_field(nullable=True)
    accepted_by_id: int | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
