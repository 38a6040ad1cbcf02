"""What lets programs in: API keys, and the SSH public keys of people."""

from datetime import datetime

from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class ApiKey(Table, table=True):
    """`pk_<prefix>_<secret>`: shown once, then known by its prefix and the SHA-256 of its secret."""

    __tablename__ = "api_key"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    name: str = Field(max_length=100)
    prefix: str = Field(max_length=16, unique=True, index=True)
    secret_hash: str = Field(max_length=64)
    scope: str = Field(max_length=8)
    """`read`, `exec` or `admin`; each includes the one before (rules/policy.py)."""
    created_at: datetime = at_field(set_now=True)
    expires_at: datetime | None = at_field(nullable=True)
    last_used_at: datetime | None = at_field(nullable=True)
    last_used_ip: str = Field(default="", max_length=64)
    revoked_at: datetime | None = at_field(nullable=True)


class SshKey(Table, table=True):
    """A person's SSH public key. A fingerprint belongs to one person only: it is who they are."""

    __tablename__ = "ssh_key"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    name: str = Field(max_length=100)
    public_key: str = Field(max_length=1000)
    fingerprint: str = Field(max_length=64, unique=True)
    created_at: datetime = at_field(set_now=True)
    last_used_at: datetime | None = at_field(nullable=True)
