"""What an admin changes while we run. rules/config_keys.py says which keys there are."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field

from backend.models.base import Table, at_field


class Config(Table, table=True):
    """One value that is not the default. Secrets are sealed."""

    __tablename__ = "config"

    name: str = Field(primary_key=True, max_length=64)
    value: str = Field(default="", sa_type=Text)
    description: str = Field(default="", max_length=300)
    updated_at: datetime = at_field(set_now=True)
    updated_by_id: int | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
