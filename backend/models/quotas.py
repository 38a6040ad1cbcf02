"""How much each user may run at once, and keep."""

from sqlmodel import Field

from backend.models.base import Table, id_field


class QuotaType(Table, table=True):
    """A container type that a quota allows."""

    __tablename__ = "resource_quota_allowed_type"

    quota_id: int = Field(primary_key=True, foreign_key="resource_quota.id", ondelete="CASCADE")
    container_type_id: int = Field(primary_key=True, foreign_key="container_type.id", ondelete="CASCADE")


class ResourceQuota(Table, table=True):
    """One per user: credits cap what runs at once, `max_containers` what is kept; inactive stops everything."""

    __tablename__ = "resource_quota"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", unique=True, index=True, ondelete="CASCADE")
    ai_use_per_day: int = 5
    credits: int = 3
    max_containers: int = 20
    """Stopped ones cost no credits, but their disks are kept somewhere."""
    active: bool = True
