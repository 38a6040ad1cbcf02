"""Tips: what could be said, what was chosen and how, what came of it, and what was learnt from that."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field

_STANDS = text("state = 'standing'")


class TipCandidate(Table, table=True):
    """One thing that could be said to one person. Code decided everything but, perhaps, the choice of words."""

    __tablename__ = "tip_candidate"
    __table_args__ = (UniqueConstraint("user_id", "digest", name="ux_tip_candidate_user_digest"),)

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    kind: str = Field(max_length=40)
    target_type: str = Field(default="", max_length=32)
    target_id: str = Field(default="", max_length=64)
    slots: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    sentence: str = Field(max_length=110)
    action: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """`{verb, label, target}` of backend/tips/actions; empty: there is nothing to press."""
    phrased_by: str = Field(default="template", max_length=40)
    """`template`, or the alias of the model whose words these are."""
    grounding: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """The feature it stands on, its value, and when that was true."""
    digest: str = Field(max_length=64)
    """SHA-256 of kind, target and slots: the same thing is a candidate once."""
    made_at: datetime = at_field(set_now=True)
    expires_at: datetime = at_field(index=True)


class TipPhrase(Table, table=True):
    """Other words for a kind of tip, by a model, with the places for numbers and names left open."""

    __tablename__ = "tip_phrase"
    __table_args__ = (UniqueConstraint("kind", "text", name="ux_tip_phrase_kind_text"),)

    id: int = id_field()
    kind: str = Field(max_length=40)
    text: str = Field(max_length=200)
    alias: str = Field(max_length=40)
    model: str = Field(default="", max_length=200)
    made_at: datetime = at_field(set_now=True)


class TipDecision(Table, table=True):
    """One choice, with all that is needed to judge later who chose: never changed but for what became of it."""

    __tablename__ = "tip_decision"
    __table_args__ = (
        Index("ux_tip_decision_standing", "user_id", unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS),
        Index("ix_tip_decision_user_at", "user_id", "at"),
        Index("ix_tip_decision_at", "at"),
        Index("ix_tip_decision_due", "state", "ends_at"),
    )

    id: int = id_field()
    user_id: int = Field(foreign_key="user_account.id", ondelete="CASCADE")
    at: datetime = at_field(set_now=True)
    context: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    eligible: list[Any] = Field(default_factory=list, sa_type=JSON)
    """Every candidate there was: `{id, kind, values, excluded}`, the last empty or why it could not be chosen."""
    probabilities: list[Any] = Field(default_factory=list, sa_type=JSON)
    """Of those not excluded, in their order: the vector that was drawn from."""
    opinions: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """What each policy said, by `name@version`: `{stage, probabilities}`; shadows too."""
    candidate_id: int | None = Field(default=None, foreign_key="tip_candidate.id", index=True, ondelete="SET NULL")
    shown: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """The candidate as it was then: kind, target, sentence, action, phrased_by, values, grounding."""
    propensity: float = 1.0
    policy: str = Field(max_length=40)
    policy_version: int = 1
    stage: str = Field(max_length=16)
    """`active`, `canary` (a mixture) or `fallback` (the active policy can't decide)."""
    seed: int = Field(sa_type=BigInteger)
    idempotency_key: str = Field(default="", max_length=200)
    via: str = Field(default="web", max_length=16)
    state: str = Field(default="standing", max_length=16)
    """`standing`, `snoozed` (later) or `closed`. One of a person's stands at most."""
    activated_at: datetime | None = at_field(nullable=True)
    """When it had been visible for a second."""
    snoozed_until: datetime | None = at_field(nullable=True)
    ends_at: datetime = at_field()
    """When its window is over: of the reward once it was seen, of the candidate before."""


class TipReaction(Table, table=True):
    """What a person said to a tip, or that they said nothing."""

    __tablename__ = "tip_reaction"
    __table_args__ = (UniqueConstraint("decision_id", "kind", name="ux_tip_reaction_decision_kind"),)

    id: int = id_field()
    decision_id: int = Field(foreign_key="tip_decision.id", ondelete="CASCADE")
    kind: str = Field(max_length=16)
    """`done`, `later`, `not_for_me` or `expired`."""
    at: datetime = at_field(set_now=True)
    late: bool = False
    """After the window: kept, and never learnt from."""


class TipReward(Table, table=True):
    """What a decision was worth, settled once."""

    __tablename__ = "tip_reward"

    id: int = id_field()
    decision_id: int = Field(foreign_key="tip_decision.id", unique=True, ondelete="CASCADE")
    value: float | None = None
    """0 to 1; empty: nobody saw it, so it says nothing."""
    parts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    settled_at: datetime = at_field(set_now=True)


class TipPolicy(Table, table=True):
    """A policy in one version: its stage, and what it has learnt."""

    __tablename__ = "tip_policy"
    __table_args__ = (UniqueConstraint("name", "version", name="ux_tip_policy_name_version"),)

    id: int = id_field()
    name: str = Field(max_length=40)
    version: int = 1
    stage: str = Field(default="draft", max_length=16)
    """`draft`, `shadow`, `canary`, `active` or `retired`."""
    state: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    updated_at: datetime = at_field(set_now=True)
    since: datetime = at_field(set_now=True)
    """When it came to its stage."""
    predecessor_id: int | None = Field(default=None, foreign_key="tip_policy.id", ondelete="SET NULL")
    """Who was active before it: asked still, so that it can be told whether that was better."""


class TipLearnt(Table, table=True):
    """That a policy has learnt from a reward: its key is what keeps it from doing so twice."""

    __tablename__ = "tip_learnt"

    reward_id: int = Field(primary_key=True, foreign_key="tip_reward.id", ondelete="CASCADE")
    policy_id: int = Field(primary_key=True, foreign_key="tip_policy.id", index=True, ondelete="CASCADE")
    at: datetime = at_field(set_now=True)


class TipAction(Table, table=True):
    """The one thing that a tip lets its person do by a press: once, and until it expires."""

    __tablename__ = "tip_action"

    id: int = id_field()
    decision_id: int = Field(foreign_key="tip_decision.id", unique=True, ondelete="CASCADE")
    verb: str = Field(max_length=40)
    target: str = Field(default="", max_length=200)
    token_hash: str = Field(max_length=64)
    expires_at: datetime = at_field()
    used_at: datetime | None = at_field(nullable=True, index=True)
    undone_at: datetime | None = at_field(nullable=True)
    outcome: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """What it changed, for the undo and for looking whether that still holds."""


class TipGateReport(Table, table=True):
    """What the gate said of one policy and another, once."""

    __tablename__ = "tip_gate_report"

    id: int = id_field()
    at: datetime = at_field(set_now=True)
    challenger: str = Field(max_length=60)
    """As `name@version`."""
    incumbent: str = Field(max_length=60)
    outcome: str = Field(max_length=24)
    """An Outcome of rules/bandit/gate.py, or `rolled back`."""
    reasons: list[str] = Field(default_factory=list, sa_type=JSON)
    figures: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    """The estimates `offline`, `online` and `together`, where there were any."""
