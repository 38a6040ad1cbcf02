"""`make tips-eval`: a table for people, and the same as JSON in test-results/tips-eval.json, of the parts named."""

import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from backend.rules.bandit.estimators import ROUNDS, Method, switch_dr_rounds
from backend.rules.bandit.gate import Outcome
from tests.bench.report import Figure, as_json, as_table
from tests.tips_eval import gate_trials, open_bandit, reference, regret
from tests.tips_eval.gate_trials import TRIALS, Setting

_RESULTS = Path("test-results/tips-eval.json")
_REFERENCE_BAR, _PUBLISHED_BAR = 1e-9, 1e-3
_PROMOTED: Mapping[str, tuple[Setting, float | None, str]] = {
    "promoted: equally good": (Setting(0.0), 0.05, "lower"),
    "promoted: equally good, never of one mind": (Setting(0.0, differs=1.0), 0.05, "lower"),
    "promoted: worse by 0.02": (Setting(-0.02), 0.01, "lower"),
    "promoted: worse by 0.07": (Setting(-0.07), 0.01, "lower"),
    "promoted: better by 0.07": (Setting(0.07), 0.9, "higher"),
    "promoted: better by 0.07, never of one mind": (Setting(0.07, differs=1.0), None, "higher"),
}
_REFUSED: Mapping[str, Setting] = {
    "refused: 200 decisions before the canary": Setting(0.07, offline=200),
    "refused: a canary of 150": Setting(0.07, canary=150),
}


def _policy() -> list[Figure]:
    with ProcessPoolExecutor(os.cpu_count()) as executor:
        runs = regret.runs(executor)
    told: dict[tuple[str, float], list[float]] = {}
    for each in runs:
        told.setdefault((each.learner, each.contrast), []).append(each.regret)
    means = {key: statistics.fmean(values) for key, values in told.items()}
    ours, linucb = means[regret.OURS, regret.CONTRAST], means[regret.LINUCB, regret.CONTRAST]
    wabbits = {learner: value for (learner, _), value in means.items() if learner.startswith("vw ")}
    best = min(value for learner, value in wabbits.items() if not learner.endswith(" +floor"))
    best_floored = min(value for learner, value in wabbits.items() if learner.endswith(" +floor"))
    mine = [each for each in runs if each.learner == regret.OURS]
    count = len(regret.SEEDS)
    figures = [
        Figure("regret ÷ LinUCB's", ours / linucb, "×", count, 1.15),
        Figure("regret ÷ the best Vowpal Wabbit's", ours / best, "×", count, 1.0),
        Figure("regret ÷ the best Vowpal Wabbit's with our floor", ours / best_floored, "×", count),
        Figure("lowest probability given", min(each.lowest for each in mine), "", len(mine), 0.02 - 1e-12, "higher"),
        Figure(
            "runs whose every answer was exact", sum(each.is_exact for each in mine), "", len(mine), len(mine), "higher"
        ),
    ]
    for contrast in regret.OTHER_CONTRASTS:
        ratio = means[regret.OURS, contrast] / means[regret.LINUCB, contrast]
        figures.append(Figure(f"regret ÷ LinUCB's, contrast {contrast}", ratio, "×", count))
    for (learner, contrast), values in sorted(told.items(), key=lambda pair: (pair[0][1], means[pair[0]])):
        spread = {"min": round(min(values), 1), "max": round(max(values), 1)}
        figures.append(
            Figure(f"regret of {learner}, contrast {contrast}", means[learner, contrast], "", count, detail=spread)
        )
    return figures


def _estimators() -> list[Figure]:
    wheel = open_bandit.wheel()
    sample = open_bandit.read(wheel)
    log = sample.log()
    ours = {method: float(np.mean(rounds(log))) for method, rounds in ROUNDS.items()}
    switched = float(np.mean(switch_dr_rounds(log, reference.SWITCH_AT)))
    figures = [
        Figure(
            f"{method}, off the reference implementation by",
            abs((switched if method is Method.SWITCH_DR else ours[method]) / theirs - 1.0),
            "of it",
            10_000,
            _REFERENCE_BAR,
        )
        for method, theirs in reference.values(wheel, sample).items()
    ]
    for name, published in open_bandit.PUBLISHED.items():
        value = ours[Method(name.split(",")[0])]
        if name.endswith("random policy"):
            value /= float(sample.reward.mean())
        elif name.endswith("error"):
            value = abs(value - sample.truth) / sample.truth
        off = abs(value / published - 1.0)
        figures.append(
            Figure(
                f"{name}, off the published by", off, "of it", 10_000, _PUBLISHED_BAR, detail={"ours": round(value, 6)}
            )
        )
    return figures


def _gate() -> list[Figure]:
    with ProcessPoolExecutor(os.cpu_count()) as executor:
        promoted = {
            name: executor.submit(gate_trials.share, setting, Outcome.PROMOTE)
            for name, (setting, _, _) in _PROMOTED.items()
        }
        refused = {
            name: executor.submit(gate_trials.share, setting, Outcome.NOT_ENOUGH) for name, setting in _REFUSED.items()
        }
        figures = [
            Figure(name, promoted[name].result(), "", TRIALS, bar, better)
            for name, (_, bar, better) in _PROMOTED.items()
        ]
        return figures + [Figure(name, each.result(), "", TRIALS, 1.0, "higher") for name, each in refused.items()]


_PARTS: Mapping[str, Callable[[], list[Figure]]] = {"policy": _policy, "estimators": _estimators, "gate": _gate}


def main(parts: Sequence[str]) -> int:
    """Measure, print, and say whether every bar was met."""
    if unknown := [each for each in parts if each not in _PARTS]:
        print(f"There is no part “{unknown[0]}”. There are: {', '.join(_PARTS)}.", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for name in parts or _PARTS:
        print(f"{name} …", file=sys.stderr, flush=True)
        figures += _PARTS[name]()
    _RESULTS.parent.mkdir(exist_ok=True)
    _RESULTS.write_text(as_json(figures))
    print(as_table(figures))
    return 1 if any(each.met is False for each in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
