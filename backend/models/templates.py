"""File templates: named sets of files that can be put into a container."""

from datetime import datetime

from sqlalchemy import Text, UniqueConstraint
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class FileTemplate(Table, table=True):
    """A set of files. Without an owner it is everybody's, and only admins write it."""

    __tablename__ = "file_template"

    id: int = id_field()
    slug: str = Field(max_length=64, unique=True, index=True)
    name: str = Field(max_length=100)
    description: str = Field(default="", max_length=500)
    public: bool = False
    """Shown to everybody. A template that is not is its owner's, or the admins'."""
    owner_id: int | None = Field(default=None, foreign_key="user_account.id", index=True, ondelete="CASCADE")
    version: int = 1
    """Counts the changes, of its files too: who saves says which one they saw."""
    created_at: datetime = at_field(set_now=True)
    updated_at: datetime = at_field(set_now=True)


class FileTemplateItem(Table, table=True):
    """One file. `path` is relative to the destination; `mode` is its permission bits."""

    __tablename__ = "file_template_item"
    __table_args__ = (UniqueConstraint("template_id", "path"),)

    id: int = id_field()
    template_id: int = Field(foreign_key="file_template.id", index=True, ondelete="CASCADE")
    path: str = Field(max_length=255)
    content: str = Field(default="", sa_type=Text)
    mode: int = 0o644
    order: int = 0


class ShippedTemplate(Table, table=True):
    """One of ours that was put in, and what it was then: whether an admin has changed or deleted it is seen by that."""

    __tablename__ = "shipped_template"

    slug: str = Field(primary_key=True, max_length=64)
    digest: str = Field(max_length=64)
