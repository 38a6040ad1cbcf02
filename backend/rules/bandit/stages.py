"""A policy's way from a draft to the one that chooses, and back: who may move it, and when it goes back by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from backend.rules.bandit.estimators import Estimate


class Stage(StrEnum):
    """Where a policy stands."""

    DRAFT = "draft"
    SHADOW = "shadow"
    """It is asked at each decision, and its answer is only logged."""
    CANARY = "canary"
    """It has its share of the decisions: `distributions.mixture`."""
    ACTIVE = "active"
    RETIRED = "retired"


class Mover(StrEnum):
    """Who asks for a move."""

    ADMIN = "admin"
    GATE = "gate"
    """The promotion gate said yes."""
    ROLLBACK = "rollback"
    """`reason_to_roll_back` found one."""
    SUCCESSOR = "successor"
    """Another policy has become the active one, or comes back."""


MOVES: Mapping[tuple[Stage, Stage], frozenset[Mover]] = {
    (Stage.DRAFT, Stage.SHADOW): frozenset({Mover.ADMIN}),
    (Stage.DRAFT, Stage.RETIRED): frozenset({Mover.ADMIN}),
    (Stage.SHADOW, Stage.CANARY): frozenset({Mover.ADMIN}),
    (Stage.SHADOW, Stage.RETIRED): frozenset({Mover.ADMIN}),
    (Stage.CANARY, Stage.ACTIVE): frozenset({Mover.GATE}),
    (Stage.CANARY, Stage.SHADOW): frozenset({Mover.ADMIN, Mover.ROLLBACK}),
    (Stage.CANARY, Stage.RETIRED): frozenset({Mover.ADMIN}),
    (Stage.ACTIVE, Stage.RETIRED): frozenset({Mover.SUCCESSOR, Mover.ROLLBACK}),
    (Stage.RETIRED, Stage.ACTIVE): frozenset({Mover.ROLLBACK}),
    (Stage.RETIRED, Stage.SHADOW): frozenset({Mover.ADMIN}),
}
"""All there are. No person makes a policy active, and none leaves the product without an active one."""

LEAST_FOR_ROLLBACK = 100


@dataclass(frozen=True, slots=True)
class Guardrail:
    """Something that must not get worse while the reward gets better: a share or a time, where lower is better."""

    name: str
    incumbent: float
    challenger: float
    slack: float
    """How much worse the challenger may be, in the same unit."""

    @property
    def is_intact(self) -> bool:
        return self.challenger <= self.incumbent + self.slack

    @property
    def sentence(self) -> str:
        """What it says, for a person."""
        verdict = "within" if self.is_intact else "beyond"
        return (
            f"{self.name}: {self.challenger:.3g} against {self.incumbent:.3g}, {verdict} the {self.slack:.3g} allowed."
        )


def why_not_move(before: Stage, after: Stage, mover: Mover) -> str:
    """Why this one may not move a policy so, as a sentence; empty when it may."""
    movers = MOVES.get((before, after))
    if movers is None:
        return f"A policy does not go from {before} to {after}."
    if mover not in movers:
        return f"From {before} to {after}, a policy is moved by {' or '.join(sorted(movers))}, not by {mover}."
    return ""


def reason_to_roll_back(difference: Estimate, guardrails: tuple[Guardrail, ...]) -> str:
    """Why a policy on its way up, or just arrived, goes back at once, as a sentence; empty when it stays.

    Args:
        difference: its reward less that of who was there before it, with an interval of two sides.

    Guardrails count from the first decision; the reward from `LEAST_FOR_ROLLBACK` on, when even the interval's upper
    end is below 0.
    """
    broken = next((each for each in guardrails if not each.is_intact), None)
    if broken is not None:
        return broken.sentence
    if difference.rounds >= LEAST_FOR_ROLLBACK and difference.high < 0.0:
        return (
            f"Its reward is {-difference.value:.3f} lower than the one before it had, "
            f"and lower by {-difference.high:.3f} at the least."
        )
    return ""
