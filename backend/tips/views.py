"""A tip, as pages and programs are told it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.models import TipAction, TipDecision
from backend.tips.actions import tokens
from backend.tips.candidates.signal_words import words_for


@dataclass(frozen=True, slots=True)
class ActionView:
    """The one button. `token` is good once, until `expires_at`; `opens` is a page of ours where it only leads there."""

    label: str
    token: str
    expires_at: datetime
    opens: str


@dataclass(frozen=True, slots=True)
class WhyView:
    """Why this tip: what it stands on, how probable it was among how many, and who chose."""

    signal: str
    probability: float
    among: int
    policy: str
    phrased_by: str


@dataclass(frozen=True, slots=True)
class TipView:
    """One tip that stands, and the decision that it answers to."""

    decision_id: int
    kind: str
    sentence: str
    at: datetime
    ends_at: datetime
    is_seen: bool
    action: ActionView | None
    why: WhyView


def view_of(decision: TipDecision, action: TipAction | None) -> TipView:
    """What its person is shown."""
    shown: dict[str, Any] = decision.shown
    return TipView(
        decision_id=decision.id,
        kind=str(shown["kind"]),
        sentence=str(shown["sentence"]),
        at=decision.at,
        ends_at=decision.ends_at,
        is_seen=decision.activated_at is not None,
        action=_action_of(shown, action),
        why=WhyView(
            signal=words_for(str(shown["grounding"].get("feature", ""))),
            probability=decision.propensity,
            among=len(decision.probabilities),
            policy=f"{decision.policy} {decision.policy_version}",
            phrased_by=str(shown["phrased_by"]),
        ),
    )


def _action_of(shown: dict[str, Any], action: TipAction | None) -> ActionView | None:
    if action is None or action.used_at is not None:
        return None
    opens = action.target if action.verb == "open" else ""
    return ActionView(str(shown["action"]["label"]), tokens.token_of(action), action.expires_at, opens)
