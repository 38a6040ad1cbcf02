"""What a person and the assistant say to each other about a container, and what became of it (docs/ai.md)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Text, UniqueConstraint
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field
from backend.rules.agent_policy import Mode


class TurnStatus(StrEnum):
    """How far a turn has come."""

    RUNNING = "running"
    WAITING = "waiting"  # for a click
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    UNDONE = "undone"


class AIMemory(Table, table=True):
    """What the assistant keeps in mind for one person about one container: notes, and which conversation is open."""

    __tablename__ = "ai_memory"
    __table_args__ = (UniqueConstraint("user_id", "container_id"),)

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    container_id: int = Field(foreign_key="container.id", index=True, ondelete="CASCADE")
    memory: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """Its `notes`."""
    conversation_id: int | None = Field(default=None, foreign_key="ai_conversation.id", ondelete="SET NULL")
    updated_at: datetime = at_field(set_now=True)


class AIConversation(Table, table=True):
    """One person's conversation about one container."""

    __tablename__ = "ai_conversation"

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    container_id: int = Field(foreign_key="container.id", index=True, ondelete="CASCADE")
    title: str = Field(default="", max_length=120)
    mode: str = Field(default=Mode.ASK, max_length=10)
    last_seq: int = 0
    """Of its events: the next one has the next number."""
    created_at: datetime = at_field(set_now=True)
    updated_at: datetime = at_field(set_now=True, index=True)


class AITurn(Table, table=True):
    """A question, and all that followed from it."""

    __tablename__ = "ai_turn"

    id: int = id_field()
    conversation_id: int = Field(foreign_key="ai_conversation.id", index=True, ondelete="CASCADE")
    status: str = Field(default=TurnStatus.RUNNING, max_length=10, index=True)
    steps: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    started_at: datetime = at_field(set_now=True)
    ended_at: datetime | None = at_field(nullable=True)
    usage_id: int | None = None
    session_id: int | None = None
    """Whose end is the turn's too. No foreign keys: both may go before."""
    api_key: str = Field(default="", max_length=16)
    """The prefix of the API key that it was begun with, if one was; its end is the turn's too."""
    undo_id: int | None = None
    """The checkpoint that was made at its start."""


class AIEvent(Table, table=True):
    """Something that happened in a conversation. Rows are added, never changed."""

    __tablename__ = "ai_event"
    __table_args__ = (UniqueConstraint("conversation_id", "seq"),)

    id: int = id_field()
    conversation_id: int = Field(foreign_key="ai_conversation.id", ondelete="CASCADE")
    turn_id: int | None = Field(default=None, foreign_key="ai_turn.id", index=True, ondelete="SET NULL")
    seq: int
    kind: str = Field(max_length=20)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    text: str = Field(default="", sa_type=Text)
    """What was said in it, for the search."""
    at: datetime = at_field(set_now=True)
