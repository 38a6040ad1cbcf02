"""The Open Bandit Pipeline's own estimators, out of its wheel, without what else it would import.

Its module of estimators asks for torch, pandas and scikit-learn only to check types and to draw intervals; modules with
nothing in them stand in for those while it is read.
"""

import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from backend.rules.bandit.estimators import Method
from tests.tips_eval.open_bandit import Sample

SWITCH_AT = 5.0  # where some of the sample's weights are above it


def values(wheel: Path, sample: Sample) -> Mapping[Method, float]:
    """What that project's code says of the sample."""
    module = _module(wheel)
    estimators = {
        Method.IPS: module["InverseProbabilityWeighting"](),
        Method.SNIPS: module["SelfNormalizedInverseProbabilityWeighting"](),
        Method.DM: module["DirectMethod"](),
        Method.DR: module["DoublyRobust"](),
        Method.SWITCH_DR: module["SwitchDoublyRobust"](tau=SWITCH_AT),
    }
    told = {
        "reward": sample.reward,
        "action": sample.action,
        "position": sample.position,
        "pscore": sample.propensity,
        "action_dist": np.tile(sample.distribution, (len(sample.action), 1, 1)),
        "estimated_rewards_by_reg_model": sample.model,
    }
    return {method: float(each.estimate_policy_value(**told)) for method, each in estimators.items()}


def _module(wheel: Path) -> dict[str, Any]:
    with zipfile.ZipFile(wheel) as archive:
        source = archive.read("obp/ope/estimators.py")
    module = ModuleType("obp.ope.estimators")
    module.__package__ = "obp.ope"
    torch = ModuleType("torch")
    torch.__dict__["Tensor"] = type("Tensor", (), {})
    checks = ModuleType("obp.utils")
    checks.__dict__["__getattr__"] = lambda _: lambda **_: None
    stand_ins = {"torch": torch, "obp.utils": checks, "obp.ope": ModuleType("obp.ope"), module.__name__: module}
    before = {name: sys.modules.get(name) for name in stand_ins}
    sys.modules |= stand_ins
    try:
        exec(compile(source, f"{wheel}/obp/ope/estimators.py", "exec"), module.__dict__)
    finally:
        for name, had in before.items():
            if had is None:
                del sys.modules[name]
            else:
                sys.modules[name] = had
    return module.__dict__
