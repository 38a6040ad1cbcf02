"""How much reward a learner misses in the made-up world, against who always knows the best tip."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from backend.rules.bandit.baselines import Random
from backend.rules.bandit.distributions import FLOOR, pick
from backend.rules.bandit.shapes import Context, Policy
from backend.rules.bandit.thompson import Thompson
from tests.tips_eval.learners import WABBITS, LinUCB, Wabbit
from tests.tips_eval.world import Moment, World

ROUNDS, DELAY = 5_000, 20
SEEDS: Sequence[int] = range(1, 5)
CONTRAST = 0.4
OTHER_CONTRASTS = (0.2, 0.8)
OURS, LINUCB, CHANCE = "thompson", "LinUCB, α 0.3", "random"


@dataclass(frozen=True, slots=True)
class Run:
    """One learner in one world. `lowest` is the smallest probability it ever gave an arm."""

    learner: str
    contrast: float
    seed: int
    regret: float
    lowest: float
    is_exact: bool
    """Whether each answer added up to 1 and was the same when asked again."""


@dataclass(frozen=True, slots=True)
class _Shown:
    moment: Moment
    place: int
    reward: float
    propensity: float


def runs(executor: Executor) -> list[Run]:
    """Everybody in the world of the bars, and ours beside LinUCB in two others, over all seeds."""
    wabbits = [f"vw {each}{people}" for each in WABBITS for people in ("", " +people")]
    wabbits += [f"vw {WABBITS[-1]}{people} +floor" for people in ("", " +people")]
    everywhere = [(learner, CONTRAST) for learner in (OURS, LINUCB, CHANCE, *wabbits)]
    everywhere += [(learner, contrast) for contrast in OTHER_CONTRASTS for learner in (OURS, LINUCB)]
    jobs = list(chain.from_iterable([(*each, seed) for seed in SEEDS] for each in everywhere))
    return list(executor.map(partial(_run), *zip(*jobs, strict=True)))


def _run(learner: str, contrast: float, seed: int) -> Run:
    if learner.startswith("vw "):
        exploration, *extras = learner.removeprefix("vw ").split(" +")
        wabbit = Wabbit(exploration, seed, knows_people="people" in extras, is_floored="floor" in extras)
        try:
            return _play(learner, contrast, seed, wabbit.distribution, partial(_teach_wabbit, wabbit))
        finally:
            wabbit.close()
    policy = {OURS: Thompson, LINUCB: LinUCB, CHANCE: Random}[learner]()
    return _play(learner, contrast, seed, policy.distribution, partial(_teach, policy))


def _teach(policy: Policy, shown: _Shown) -> None:
    moment = shown.moment
    policy.update(moment.context, moment.arms[shown.place], reward=shown.reward, propensity=shown.propensity)


def _teach_wabbit(wabbit: Wabbit, shown: _Shown) -> None:
    moment = shown.moment
    wabbit.learn(moment.context, moment.arms, shown.place, shown.reward, shown.propensity)


def _play(
    learner: str,
    contrast: float,
    seed: int,
    distribution: Callable[..., NDArray[float64]],
    teach: Callable[[_Shown], None],
) -> Run:
    """A reward comes when 20 more tips have been shown. The regret is the expected one, over what was to be drawn."""
    world, waiting = World(seed, contrast), deque[_Shown]()
    regret, lowest, is_exact = 0.0, 1.0, True
    for number in range(ROUNDS):
        moment = world.ask()
        chances = distribution(moment.context, moment.arms)
        regret += float(moment.truth.max() - chances @ moment.truth)
        lowest = min(lowest, float(chances.min()))
        if learner == OURS and number % 10 == 0:
            is_exact = is_exact and _is_exact(chances, distribution, moment.context, moment)
        place = pick(chances, seed * ROUNDS + number)
        world.show(moment, place)
        waiting.append(_Shown(moment, place, moment.answer(place, world.luck()), float(chances[place])))
        if len(waiting) > DELAY:
            teach(waiting.popleft())
    return Run(learner, contrast, seed, regret, lowest, is_exact)


def _is_exact(
    chances: NDArray[float64], distribution: Callable[..., NDArray[float64]], context: Context, moment: Moment
) -> bool:
    again = distribution(context, moment.arms)
    same = np.array_equal(again, chances)
    return bool(same and abs(chances.sum() - 1.0) < 1e-9 and chances.min() >= FLOOR - 1e-12)
