"""The tips' policy: how long it takes to answer, and to learn, when it has learnt much."""

import json
import time

import numpy as np

from backend.rules.bandit.encoding import recency
from backend.rules.bandit.shapes import Arm, Context
from backend.rules.bandit.thompson import Thompson
from tests.bench.report import Figure, percentile, spread

_KINDS, _SIGNALS, _PEOPLE, _ARMS = 20, 20, 200, 8
_LESSONS, _RUNS = 3_000, 1_000
_BAR_MS = 10.0


async def measure() -> list[Figure]:
    """With 20 kinds, 20 numbers of the moment and 200 people."""
    dice, policy = np.random.default_rng(1), Thompson()
    learning_ms: list[float] = []
    for _ in range(_LESSONS):
        context, arms = _question(dice, arms=1)
        began = time.perf_counter()
        policy.update(context, arms[0], reward=float(dice.random()), propensity=0.5)
        learning_ms.append((time.perf_counter() - began) * 1000)
    answering_ms: list[float] = []
    for _ in range(_RUNS):
        context, arms = _question(dice, arms=_ARMS)
        began = time.perf_counter()
        policy.distribution(context, arms)
        answering_ms.append((time.perf_counter() - began) * 1000)
    began = time.perf_counter()
    text = json.dumps(policy.state())
    Thompson(json.loads(text))
    kept_ms = (time.perf_counter() - began) * 1000
    late_ms = learning_ms[-_RUNS:]
    return [
        Figure(f"tips: an answer over {_ARMS} tips, p99", percentile(answering_ms, 0.99), "ms", _RUNS, _BAR_MS,
               detail=spread(answering_ms)),
        Figure("tips: learning from one reaction, p99", percentile(late_ms, 0.99), "ms", _RUNS, detail=spread(late_ms)),
        Figure("tips: what was learnt, to JSON and back", kept_ms, "ms", 1, detail={"KB": round(len(text) / 1000)}),
    ]  # fmt: skip


def _question(dice: np.random.Generator, *, arms: int) -> tuple[Context, list[Arm]]:
    signals = {f"signal{number}": float(value) for number, value in enumerate(dice.uniform(-1.0, 1.0, _SIGNALS))}
    kinds = dice.choice(_KINDS, arms, replace=False)
    worn = recency(shown_h_ago=[float(dice.uniform(0.0, 100.0))], refused_h_ago=[])
    return Context(int(dice.integers(_PEOPLE)), signals), [Arm(f"tip{kind}", f"kind{kind}", worn) for kind in kinds]
