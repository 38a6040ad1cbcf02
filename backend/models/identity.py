"""Who may come in: users, their sessions, and what slows down guessing."""

from datetime import datetime

from sqlmodel import Field

from backend.models.base import Table, at_field


class User(Table, table=True):
    """A person. `is_superuser` may administer everything."""

    __tablename__ = "user_account"

    id: int | None = Field(default=None, primary_key=True)
    username: str = Field(max_length=64, unique=True, index=True)
    email: str = Field(default="", max_length=254)
    password_hash: str
    is_superuser: bool = False
    is_active: bool = True
    created_at: datetime = at_field(set_now=True)


class Session(Table, table=True):
    """A signed-in browser. The cookie's value is kept only as its SHA-256."""

    __tablename__ = "session"

    id: int | None = Field(default=None, primary_key=True)
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
