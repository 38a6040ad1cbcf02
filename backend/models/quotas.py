"""How much each user may run at once."""

from sqlmodel import Field

from backend.models.base import Table


class QuotaType(Table, table=True):
    """A container type that a quota allows."""

    __tablename__ = "resource_quota_allowed_type"

    quota_id: int = Field(primary_key=True, foreign_key="resource_quota.id", ondelete="CASCADE")
    container_type_id: int = Field(primary_key=True, foreign_key="container_type.id", ondelete="CASCADE")


class ResourceQuota(Table, table=True):
    """One per user: credits cap what runs at once; inactive stops everything."""

    __tablename__ = "resource_quota"

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user_account.id", unique=True, index=True, ondelete="CASCADE")
    ai_use_per_day: int = 5
    credits: int = 3
    active: bool = True
