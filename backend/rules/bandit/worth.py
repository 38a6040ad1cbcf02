"""What tips were worth day by day, and what another policy would have made of the same decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from backend.rules.bandit.estimators import CONFIDENCE, Estimate, NotEnough, difference, dr_rounds, of_mean
from backend.rules.bandit.rounds import Round, evidence

SHOWN = "shown"
"""The name under which a Round has the vector that was drawn from, beside what each policy said."""
LEAST_MEAN = 30
"""With fewer rewards than this a mean is given without an interval: the normal distribution would not hold for it."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision. No `round`: nobody saw the tip, or what it was worth is not settled yet."""

    day: date
    by: str
    stage: str
    round: Round | None


@dataclass(frozen=True, slots=True)
class Worth:
    """What some decisions were worth. `mean` is of those `settled`; its ends are None where there are too few."""

    decisions: int
    settled: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """What a policy would have earned more a tip than what was shown, had it decided alone; by DR, pair by pair."""

    name: str
    more: Estimate | NotEnough


@dataclass(frozen=True, slots=True)
class History:
    """Decisions, summed up: by day, by who decided at which stage, and beside each policy that was asked."""

    days: tuple[tuple[date, Worth], ...]
    deciders: tuple[tuple[str, str, Worth], ...]
    others: tuple[Other, ...]
    best: Other | None = None
    """The one that would have earned most, of those of which enough is known."""
    lost: tuple[tuple[date, float], ...] = ()
    """The regret against it: what was earned less until the end of each day, in rewards. Below 0: it was more."""


def history(decided: Sequence[Decided]) -> History:
    """Sum up decisions of a time, the oldest first.

    As the best is chosen by the same decisions, it looks a little better than it is: to make up for that each of k
    policies gets an interval of 1 - 0.05 / k (Bonferroni), so that all of them hold together in 95 of 100 cases.
    """
    known = [(each.day, each.round) for each in decided if each.round is not None]
    rounds = [each for _, each in known]
    names = sorted({name for each in rounds for name in each.opinions} - {SHOWN})
    confidence = 1.0 - (1.0 - CONFIDENCE) / max(1, len(names))
    others = tuple(Other(name, _more(rounds, name, confidence)) for name in names)
    told = [(each, each.more.value) for each in others if isinstance(each.more, Estimate)]
    best = max(told, key=lambda pair: pair[1])[0] if told else None
    days: dict[date, list[Decided]] = {}
    deciders: dict[tuple[str, str], list[Decided]] = {}
    for each in decided:
        days.setdefault(each.day, []).append(each)
        deciders.setdefault((each.by, each.stage), []).append(each)
    return History(
        tuple((day, _worth(days[day])) for day in sorted(days)),
        tuple((*who, _worth(deciders[who])) for who in sorted(deciders)),
        others,
        best,
        _lost(known, best.name) if best is not None else (),
    )


def _worth(decided: Sequence[Decided]) -> Worth:
    rewards = np.array([each.round.reward for each in decided if each.round is not None])
    if not len(rewards):
        return Worth(len(decided), 0)
    if len(rewards) < LEAST_MEAN:
        return Worth(len(decided), len(rewards), float(rewards.mean()))
    mean = of_mean(rewards)
    return Worth(len(decided), len(rewards), mean.value, max(0.0, mean.low), min(1.0, mean.high))


def _more(rounds: Sequence[Round], name: str, confidence: float) -> Estimate | NotEnough:
    seen = evidence(rounds, challenger=name, incumbent=SHOWN)
    if seen is None:  # it is a name of one of these rounds, and each of them has what was shown
        raise ValueError(f"{name} was asked at none of the decisions")
    return difference(seen.challenger, seen.incumbent, confidence=confidence)


def _lost(known: Sequence[tuple[date, Round]], name: str) -> tuple[tuple[date, float], ...]:
    """What was earned less than that policy would have earned, added up to the end of each day."""
    asked = [(day, each) for day, each in known if name in each.opinions]
    seen = evidence([each for _, each in asked], challenger=name, incumbent=SHOWN)
    if seen is None:
        return ()
    so_far = np.cumsum(dr_rounds(seen.challenger) - dr_rounds(seen.incumbent))
    return tuple({day: float(lost) for (day, _), lost in zip(asked, so_far, strict=True)}.items())
