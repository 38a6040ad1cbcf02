"""Previews of a container's ports: to whom they are shown, links to them, and what lets browsers at them."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class PreviewPort(Table, table=True):
    """A port that is shown to everybody whom the container is shared with. One without a row is not."""

    __tablename__ = "preview_port"

    __table_args__ = (UniqueConstraint("container_id", "port"),)

    id: int = id_field()
    container_id: int = Field(foreign_key="container.id", ondelete="CASCADE")
    port: int


class PreviewLink(Table, table=True):
    """Lets anybody at a port who has it, while it holds and its maker could open the port. Kept as a hash."""

    __tablename__ = "preview_link"

    id: int = id_field()
    container_id: int = Field(foreign_key="container.id", index=True, ondelete="CASCADE")
    port: int
    token_hash: str = Field(max_length=64, unique=True)
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    """Its maker."""
    created_at: datetime = at_field(set_now=True)
    expires_at: datetime = at_field()


class PreviewPass(Table, table=True):
    """Lets one browser at one port: first as a ticket, which is good for one visit, then as a cookie.

    It ends with what it came from: a session, or a link.
    """

    __tablename__ = "preview_pass"

    id: int = id_field()
    token_hash: str = Field(max_length=64, unique=True)
    is_ticket: bool
    container_id: int = Field(foreign_key="container.id", index=True, ondelete="CASCADE")
    port: int
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    """Who came in; of a link, its maker."""
    session_id: int | None = Field(default=None, foreign_key="session.id", index=True, ondelete="CASCADE")
    link_id: int | None = Field(default=None, foreign_key="preview_link.id", index=True, ondelete="CASCADE")
    expires_at: datetime = at_field(index=True)
