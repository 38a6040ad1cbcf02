"""What an answer to a tip is worth, from 0 to 1: the one number that policies learn from."""

from collections.abc import Collection
from enum import StrEnum


class Reaction(StrEnum):
    """What a person says to a tip, or that they say nothing."""

    DONE = "done"
    LATER = "later"
    NOT_FOR_ME = "not_for_me"
    EXPIRED = "expired"


class Effect(StrEnum):
    """What became of the tip's action."""

    NONE = "none"
    HOLDS = "holds"
    REVERTED = "reverted"


DONE, DONE_AFTER_LATER, LATER, EXPIRED, REVERTED, NOT_FOR_ME = 1.0, 0.8, 0.3, 0.1, 0.05, 0.0


def reward(reactions: Collection[Reaction], effect: Effect = Effect.NONE) -> float:
    """The worth of all that came in the window of a tip that was seen.

    An action counts as done while what it changed still holds; one that was taken back counts for little, whatever
    was said. Otherwise the clearest word counts: not for me, then done (less so after a later), later, nothing.
    """
    if Reaction.NOT_FOR_ME in reactions:
        return NOT_FOR_ME
    if effect is Effect.REVERTED:
        return REVERTED
    if Reaction.DONE in reactions or effect is Effect.HOLDS:
        return DONE_AFTER_LATER if Reaction.LATER in reactions else DONE
    return LATER if Reaction.LATER in reactions else EXPIRED


def outcome(reactions: Collection[Reaction], effect: Effect = Effect.NONE) -> str:
    """What `reward` paid for, in a word: done, done_later, later, not_for_me, reverted or expired."""
    worth = reward(reactions, effect)
    words = {DONE: "done", DONE_AFTER_LATER: "done_later", REVERTED: "reverted", NOT_FOR_ME: "not_for_me"}
    return words.get(worth, "later" if worth == LATER else "expired")
