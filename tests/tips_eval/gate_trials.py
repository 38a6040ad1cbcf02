"""The promotion gate, tried on made-up policies whose difference is known."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from backend.rules.bandit.distributions import CANARY_SHARE, FLOOR
from backend.rules.bandit.estimators import Log
from backend.rules.bandit.gate import Evidence, Outcome, judge

OFFLINE, CANARY = 4_000, 1_000
TRIALS = 400
_MOST_ARMS = 8
_CHALLENGERS_FIRST = 0.85
_MODEL_ERROR = 0.1


@dataclass(frozen=True, slots=True)
class Setting:
    """What is tried. `gain` is by how much the challenger's reward is really higher, a decision."""

    gain: float
    differs: float = 0.5
    """In how many of the decisions the two would put different arms first."""
    offline: int = OFFLINE
    canary: int = CANARY


@dataclass(frozen=True, slots=True)
class _Decisions:
    """Both policies' probabilities and the true chance of a yes, by decision and arm; 0 where no arm is."""

    incumbent: NDArray[float64]
    challenger: NDArray[float64]
    truth: NDArray[float64]


def share(setting: Setting, outcome: Outcome, *, trials: int = TRIALS, seed: int = 0) -> float:
    """In which share of the trials the gate said so."""
    said = Counter(_trial(setting, np.random.default_rng((seed, number))) for number in range(trials))
    return said[outcome] / trials


def _trial(setting: Setting, dice: np.random.Generator) -> Outcome:
    before = _decisions(setting, setting.offline, dice)
    during = _decisions(setting, setting.canary, dice)
    mixed = (1.0 - CANARY_SHARE) * during.incumbent + CANARY_SHARE * during.challenger
    offline, online = _evidence(before, before.incumbent, dice), _evidence(during, mixed, dice)
    return judge(offline=offline, online=online).outcome


def _decisions(setting: Setting, count: int, dice: np.random.Generator) -> _Decisions:
    arms = dice.integers(3, _MOST_ARMS + 1, count)
    first = dice.integers(0, arms)
    other = (first + dice.integers(1, arms)) % arms
    differs = dice.random(count) < setting.differs
    second = np.where(differs, other, first)
    there = np.arange(_MOST_ARMS) < arms[:, None]
    incumbent = _mostly(first, arms, there, 1.0 - FLOOR * (arms - 1))
    challenger = _mostly(second, arms, there, np.full(count, _CHALLENGERS_FIRST))
    truth = np.where(there, dice.uniform(0.2, 0.6, (count, _MOST_ARMS)), 0.0)
    rows = np.arange(count)
    apart = challenger - incumbent
    lacking = setting.gain - float((apart * truth).sum(axis=1).mean())
    truth[rows[differs], second[differs]] += lacking * count / float(apart[rows[differs], second[differs]].sum())
    return _Decisions(incumbent, challenger, truth)


def _mostly(
    first: NDArray[int64], arms: NDArray[int64], there: NDArray[np.bool_], share_of_first: NDArray[float64]
) -> NDArray[float64]:
    result = np.where(there, ((1.0 - share_of_first) / (arms - 1))[:, None], 0.0)
    result[np.arange(len(first)), first] = share_of_first
    return result


def _evidence(decisions: _Decisions, drawn_from: NDArray[float64], dice: np.random.Generator) -> Evidence:
    rows = np.arange(len(drawn_from))
    chosen = (drawn_from.cumsum(axis=1) < dice.random(len(rows))[:, None]).sum(axis=1)
    reward = (dice.random(len(rows)) < decisions.truth[rows, chosen]).astype(float64)
    model = decisions.truth + dice.normal(0.0, _MODEL_ERROR, decisions.truth.shape)
    logs = [
        Log(reward, drawn_from[rows, chosen], each[rows, chosen], model[rows, chosen], (each * model).sum(axis=1))
        for each in (decisions.challenger, decisions.incumbent)
    ]
    return Evidence(logs[0], logs[1])
