"""Our estimators on the public Open Bandit Dataset, against the figures that its project published.

The sample of 10,000 decisions each lies in that project's wheel, which is fetched once; nothing of it is kept in the
repository. Source: Saito et al., “Open Bandit Dataset and Pipeline”, NeurIPS 2021 Datasets and Benchmarks.
"""

import csv
import io
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from backend.rules.bandit.estimators import Log

_CACHE = Path("var/tips-eval")
_WANTED = "obp==0.4.1"
_SIMULATIONS = 100_000
_FOLDS, _SEED = 3, 12345

PUBLISHED: Mapping[str, float] = {
    "ips, value": 0.004553,
    "dm, value": 0.003545,
    "dr, value": 0.004727,
    "ips, relative to the random policy": 1.198126,
    "dm, relative to the random policy": 0.932797,
    "dr, relative to the random policy": 1.244027,
    "ips, relative estimation error": 0.084019,
    "dm, relative estimation error": 0.156041,
    "dr, relative estimation error": 0.125548,
}
"""Of that project's examples/quickstart/obd.ipynb, as of its releases 0.5.2 to 0.5.4: what the random policy's log
says of Bernoulli Thompson sampling, campaign “all”."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The random policy's log, the probabilities of Thompson sampling, a model, and what was really earned."""

    action: NDArray[int64]
    position: NDArray[int64]
    reward: NDArray[float64]
    propensity: NDArray[float64]
    distribution: NDArray[float64]
    """By action and position; the same in each round."""
    model: NDArray[float64]
    """By round, action and position."""
    truth: float
    """The mean reward in the log of Thompson sampling itself."""

    def log(self) -> Log:
        rounds = np.arange(len(self.action))
        expected = (self.model[rounds, :, self.position] * self.distribution.T[self.position]).sum(axis=1)
        target = self.distribution[self.action, self.position]
        guess = self.model[rounds, self.action, self.position]
        return Log(self.reward, self.propensity, target, guess, expected)


def wheel() -> Path:
    """Where the project's wheel is; it is fetched when it is not there.

    Raises:
        subprocess.CalledProcessError: it can't be had.
    """
    found = next(_CACHE.glob("obp-0.4.1-*.whl"), None)
    if found is None:
        _CACHE.mkdir(parents=True, exist_ok=True)
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(_CACHE), _WANTED)
        subprocess.run(pip, check=True)
        found = next(_CACHE.glob("obp-0.4.1-*.whl"))
    return found


def read(path: Path) -> Sample:
    """Everything that the published figures were made of."""
    with zipfile.ZipFile(path) as archive:
        rows, items = _rows(archive, "random/all/all.csv"), _rows(archive, "random/all/item_context.csv")
        other = _rows(archive, "bts/all/all.csv")
        alpha, beta = _prior(archive)
    action = np.array([int(row["item_id"]) for row in rows])
    position = np.array([int(row["position"]) - 1 for row in rows])
    reward = np.array([float(row["click"]) for row in rows])
    return Sample(
        action,
        position,
        reward,
        np.array([float(row["propensity_score"]) for row in rows]),
        _thompson(alpha, beta, positions=3),
        _model(_one_hot(rows, "user_feature_"), _items(items), action, position, reward),
        truth=float(np.mean([float(row["click"]) for row in other])),
    )


def _rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    with archive.open(f"obp/dataset/obd/{name}") as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file)))
    return sorted(rows, key=lambda row: row.get("timestamp", ""))


def _prior(archive: zipfile.ZipFile) -> tuple[NDArray[float64], NDArray[float64]]:
    """The priors that the shop's policy began with, of its file of three levels."""
    lists: dict[str, list[float]] = {}
    campaign = name = ""
    for line in archive.read("obp/policy/conf/prior_bts.yaml").decode().splitlines():
        word = line.strip()
        if word.startswith("- "):
            lists.setdefault(f"{campaign}/{name}", []).append(float(word[2:]))
        elif line.startswith(" "):
            name = word.rstrip(":")
        else:
            campaign = word.rstrip(":")
    return np.array(lists["all/alpha"]), np.array(lists["all/beta"])


def _thompson(alpha: NDArray[float64], beta: NDArray[float64], *, positions: int) -> NDArray[float64]:
    """How often each action came out at each position, in that project's own draws."""
    draws = np.random.RandomState(_SEED).beta(alpha, beta, size=(_SIMULATIONS, len(alpha)))
    ranked = np.argsort(draws, axis=1)[:, ::-1][:, :positions]
    counts = [np.bincount(ranked[:, place], minlength=len(alpha)) for place in range(positions)]
    return np.stack(counts, axis=1) / _SIMULATIONS


def _one_hot(rows: list[dict[str, str]], prefix: str) -> NDArray[float64]:
    """Each level of each column but its first."""
    columns = [name for name in rows[0] if name.startswith(prefix)]
    told = [
        [[float(row[name] == level) for row in rows] for level in sorted({row[name] for row in rows})[1:]]
        for name in columns
    ]
    return np.array([level for column in told for level in column]).T


def _items(items: list[dict[str, str]]) -> NDArray[float64]:
    """The items' three categories, numbered by the alphabet, and their number."""
    told: list[list[float]] = []
    for name in ("item_feature_1", "item_feature_2", "item_feature_3"):
        levels = sorted({item[name] for item in items})
        told.append([float(levels.index(item[name])) for item in items])
    return np.array([*told, [float(item["item_feature_0"]) for item in items]]).T


def _model(
    people: NDArray[float64],
    items: NDArray[float64],
    action: NDArray[int64],
    position: NDArray[int64],
    reward: NDArray[float64],
) -> NDArray[float64]:
    """A logistic regression a position, each third of the rounds foretold by what the other two thirds taught."""
    result = np.zeros((len(action), len(items), int(position.max()) + 1))
    order = np.arange(len(action))
    np.random.RandomState(_SEED).shuffle(order)
    for fold in np.array_split(order, _FOLDS):
        taught = np.ones(len(action), dtype=bool)
        taught[fold] = False
        for place in range(result.shape[2]):
            here = taught & (position == place)
            weights = _logistic(np.hstack([people[here], items[action[here]]]), reward[here])
            logit = (people[fold] @ weights[: people.shape[1]])[:, None] + items @ weights[people.shape[1] : -1]
            result[fold, :, place] = 1.0 / (1.0 + np.exp(-logit - weights[-1]))
    return result


def _logistic(x: NDArray[float64], y: NDArray[float64]) -> NDArray[float64]:
    """Logistic regression with a ridge of 1 on all but the intercept, which comes last, by Newton's method."""
    x = np.hstack([x, np.ones((len(x), 1))])
    ridge = np.r_[np.ones(x.shape[1] - 1), 0.0]
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(-x @ weights))
        slope = x.T @ (chance - y) + ridge * weights
        bend = (x * (chance * (1.0 - chance))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-10:
            break
    return weights
