"""Conversations with the assistant, as programs see them."""

from datetime import datetime

from pydantic import Field

from backend.api.schemas.containers import Sent, Shown


class ConversationOut(Shown):
    """A conversation of yours."""

    id: int
    title: str
    mode: str = Field(description="What the assistant may do without a click: ask, auto-edit or full")
    created_at: datetime
    updated_at: datetime
    turns: int = Field(description="How many questions were asked in it")


class ConversationChange(Sent):
    """Its title."""

    title: str = Field(max_length=1000)


class ForkIn(Sent):
    """Where it is to be forked: the number of the last event that the new one has."""

    seq: int = Field(ge=1, lt=2**31)
