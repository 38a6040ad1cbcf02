"""Whether a policy in its canary may become the active one."""

from dataclasses import dataclass
from enum import StrEnum
from math import hypot

from backend.rules.bandit.estimators import LEAST_ESS, Estimate, Log, Method, NotEnough, difference, pooled
from backend.rules.bandit.stages import Guardrail

LEAST_CANARY = 500
"""Decisions of the canary, of either side: with fewer no figure is looked at, so that nobody stops when it pleases."""
_AGREE_AT = 2.58  # standard errors: two honest estimates of the same thing are further apart once in a hundred times
_METHOD = Method.DR


class Outcome(StrEnum):
    """What the gate says."""

    PROMOTE = "promote"
    KEEP = "keep"
    """There is enough evidence, and it does not speak for the challenger."""
    NOT_ENOUGH = "not enough evidence"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The same decisions twice: as the challenger sees them, and as the incumbent does."""

    challenger: Log
    incumbent: Log


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer. The figures are the challenger's reward less the incumbent's; None where there is none."""

    outcome: Outcome
    reasons: tuple[str, ...]
    """Sentences for a person: what was looked at, one by one, and what it said."""
    offline: Estimate | None = None
    online: Estimate | None = None
    together: Estimate | None = None


def judge(
    *, offline: Evidence, online: Evidence, guardrails: tuple[Guardrail, ...] = (), least_ess: float = LEAST_ESS
) -> Verdict:
    """Promote only if all of this holds: both sides have enough evidence, offline and online agree, the lower end of
    the 95 % interval of both together is above 0, and each guardrail is intact.

    Args:
        offline: decisions of the time before the canary, drawn by whoever was active.
        online: decisions of the canary, drawn from the mixture.
    """
    thin = _too_few(online)
    before = difference(offline.challenger, offline.incumbent, _METHOD, least_ess=least_ess)
    during = difference(online.challenger, online.incumbent, _METHOD, least_ess=least_ess)
    thin += tuple(
        f"{where}: {found.sentence}"
        for where, found in (("Offline", before), ("Online", during))
        if isinstance(found, NotEnough)
    )
    if thin or isinstance(before, NotEnough) or isinstance(during, NotEnough):
        return Verdict(Outcome.NOT_ENOUGH, thin, offline=None if isinstance(before, NotEnough) else before)
    together = pooled(before, during)
    findings = (*_findings(before, during, together), *((each.is_intact, each.sentence) for each in guardrails))
    outcome = Outcome.PROMOTE if all(good for good, _ in findings) else Outcome.KEEP
    return Verdict(outcome, tuple(sentence for _, sentence in findings), before, during, together)


def _too_few(online: Evidence) -> tuple[str, ...]:
    decisions = len(online.challenger.reward)
    if decisions >= LEAST_CANARY:
        return ()
    return (f"Not enough evidence: the canary has made {decisions} decisions, and {LEAST_CANARY} are needed.",)


def _findings(before: Estimate, during: Estimate, together: Estimate) -> tuple[tuple[bool, str], ...]:
    """Whether each condition on the reward holds, and the sentence that says it."""
    apart, bound = abs(before.value - during.value), _AGREE_AT * hypot(before.error, during.error)
    agree = apart <= bound and before.value > 0.0 and during.value > 0.0
    agreement = (
        f"Offline it earns {before.value:+.3f} a tip, online {during.value:+.3f}: "
        f"{'they agree' if agree else 'they do not agree that it is better'}."
    )
    better = together.low > 0.0
    bound_of_both = (
        f"Together {together.value:+.3f}, and {together.low:+.3f} at the least: "
        f"{'better than' if better else 'not surely better than'} the active one."
    )
    return (agree, agreement), (better, bound_of_both)
