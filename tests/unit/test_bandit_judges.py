"""Who judges the tips' policies: estimators on worlds whose truth is known, the gate's refusals, and the stages."""

import numpy as np
import pytest
from numpy import float64
from numpy.typing import NDArray

from backend.rules.bandit.estimators import (
    LEAST_ESS,
    ROUNDS,
    Estimate,
    Log,
    Method,
    NotEnough,
    difference,
    effective_size,
    estimate,
    of_mean,
    pooled,
    switch_dr_rounds,
)
from backend.rules.bandit.gate import LEAST_CANARY, Evidence, Outcome, judge
from backend.rules.bandit.stages import MOVES, Guardrail, Mover, Stage, reason_to_roll_back, why_not_move
from tests.tips_eval.gate_trials import Setting, share

_DRAWN = np.array([0.7, 0.2, 0.1])
_JUDGED = np.array([0.1, 0.3, 0.6])
_TRUTH = np.array([0.2, 0.5, 0.7])
_VALUE = float(_JUDGED @ _TRUTH)
_FINE = Guardrail("“Not for me”", 0.10, 0.11, slack=0.02)
_BROKEN = Guardrail("“Not for me”", 0.10, 0.20, slack=0.02)


def _log(count: int, seed: int, *, judged: NDArray[float64] = _JUDGED, model: NDArray[float64] | None = None) -> Log:
    dice = np.random.default_rng(seed)
    chosen = dice.choice(3, count, p=_DRAWN)
    reward = (dice.random(count) < _TRUTH[chosen]).astype(float64)
    model = np.zeros(3) if model is None else model
    return Log(reward, _DRAWN[chosen], judged[chosen], model[chosen], np.full(count, float(judged @ model)))


def _found(told: Estimate | NotEnough) -> Estimate:
    assert isinstance(told, Estimate)
    return told


@pytest.mark.parametrize("model", [np.zeros(3), np.array([0.9, 0.1, 0.3]), _TRUTH], ids=["none", "wrong", "true"])
@pytest.mark.parametrize("method", [Method.IPS, Method.SNIPS, Method.DR, Method.SWITCH_DR])
def test_over_many_logs_the_estimates_meet_the_truth(method: Method, model: NDArray[float64]) -> None:
    values = [float(ROUNDS[method](_log(400, seed, model=model)).mean()) for seed in range(600)]
    reach = 4 * float(np.std(values)) / len(values) ** 0.5
    slack = 0.002 if method is Method.SNIPS else 0.0  # it is biased by a share of 1 / rounds
    assert np.mean(values) == pytest.approx(_VALUE, abs=reach + slack)


@pytest.mark.parametrize("method", [Method.IPS, Method.SNIPS, Method.DR])
def test_the_interval_holds_the_truth_as_often_as_it_says(method: Method) -> None:
    told = [_found(estimate(_log(1_500, seed), method)) for seed in range(400)]
    assert np.mean([each.low <= _VALUE <= each.high for each in told]) == pytest.approx(0.95, abs=0.035)


def test_a_true_model_makes_dr_surer_and_dm_right_and_a_wrong_one_only_misleads_dm() -> None:
    wrong = np.array([0.9, 0.1, 0.3])
    blind, seeing = (_found(estimate(_log(2_000, 1, model=model), Method.DR)) for model in (np.zeros(3), _TRUTH))
    assert seeing.high - seeing.low < blind.high - blind.low
    assert _found(estimate(_log(2_000, 1, model=_TRUTH), Method.DM)).value == pytest.approx(_VALUE)
    assert _found(estimate(_log(2_000, 1, model=wrong), Method.DM)).value == pytest.approx(float(_JUDGED @ wrong))


def test_where_weights_are_too_large_the_switch_takes_the_models_word() -> None:
    log = _log(500, 3, model=_TRUTH)
    heavy = log.weight > 2.0
    assert heavy.any()
    assert np.array_equal(switch_dr_rounds(log, 2.0)[heavy], log.expected[heavy])
    assert np.array_equal(switch_dr_rounds(log, 1e9), ROUNDS[Method.DR](log))


def test_the_effective_size_is_the_count_for_equal_weights_and_one_for_a_single_one() -> None:
    assert effective_size(np.full(50, 3.0)) == pytest.approx(50.0)
    assert effective_size(np.array([0.0, 7.0, 0.0])) == pytest.approx(1.0)
    assert effective_size(np.zeros(5)) == 0.0


def test_too_little_evidence_is_said_and_not_estimated() -> None:
    told = estimate(_log(60, 1))
    assert isinstance(told, NotEnough)
    assert told.ess < LEAST_ESS
    assert "100 are needed" in told.sentence


def test_a_log_without_what_the_judged_policy_would_have_shown_is_refused_however_long_it_is() -> None:
    ones, lightly = np.ones(5_000), np.full(5_000, 0.1)
    told = estimate(Log(ones, ones * 0.9, lightly, ones * 0.0, ones * 0.0))
    assert isinstance(told, NotEnough)
    assert told.ess == pytest.approx(5_000)
    assert "only 11% of what it would have shown" in told.sentence


def test_what_two_policies_share_cancels_out_of_their_difference() -> None:
    nearly = np.array([0.1, 0.32, 0.58])
    one, other = _log(3_000, 5, judged=nearly), _log(3_000, 5)
    apart = _found(difference(one, other))
    assert apart.value == pytest.approx(_found(estimate(one)).value - _found(estimate(other)).value)
    assert apart.error < 0.2 * _found(estimate(one)).error
    assert apart.low <= float((nearly - _JUDGED) @ _TRUTH) <= apart.high
    with pytest.raises(ValueError, match="same decisions"):
        difference(one, _log(3_000, 6))


def test_two_estimates_together_are_surer_than_each() -> None:
    one, other = of_mean(np.array([0.0, 1.0] * 50)), of_mean(np.array([0.0, 1.0, 1.0, 1.0] * 100))
    both = pooled(one, other)
    assert one.value < both.value < other.value
    assert both.error < min(one.error, other.error)
    assert both.value - other.value == pytest.approx(-0.25 / (1 + (one.error / other.error) ** 2))


@pytest.mark.parametrize("propensity", [0.0, 1.2, float("nan")])
def test_a_propensity_that_is_none_is_refused(propensity: float) -> None:
    ones = np.ones(1)
    with pytest.raises(ValueError, match="propensity"):
        Log(ones, np.array([propensity]), ones, ones, ones)


def test_a_log_of_unequal_lengths_or_of_nothing_is_refused() -> None:
    for rewards in (np.ones(2), np.ones(0)):
        with pytest.raises(ValueError, match="at least one"):
            Log(rewards, np.ones(1) if len(rewards) else rewards, *[np.ones(len(rewards))] * 3)


def _evidence(count: int, gain: float, seed: int) -> Evidence:
    """Both policies drew half of it; the challenger's arm is better by `gain`."""
    dice = np.random.default_rng(seed)
    challengers = dice.random(count) < 0.5
    reward = (dice.random(count) < 0.4 + gain * challengers).astype(float64)
    propensity, nothing = np.full(count, 0.5), np.zeros(count)
    logs = [Log(reward, propensity, mine.astype(float64), nothing, nothing) for mine in (challengers, ~challengers)]
    return Evidence(logs[0], logs[1])


def test_the_gate_promotes_what_is_better_offline_and_online() -> None:
    verdict = judge(offline=_evidence(4_000, 0.15, 1), online=_evidence(2_000, 0.15, 2), guardrails=(_FINE,))
    assert verdict.outcome is Outcome.PROMOTE
    assert verdict.together is not None
    assert verdict.together.low > 0.0
    assert [each[:8] for each in verdict.reasons] == ["Offline ", "Together", "“Not for"]
    assert "they agree" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("offline", "online", "guardrail", "reason"),
    [
        (0.0, 0.0, _FINE, "not surely better"),
        (-0.15, -0.15, _FINE, "not surely better"),
        (0.3, -0.05, _FINE, "do not agree"),
        (-0.05, 0.3, _FINE, "do not agree"),
        (0.5, 0.1, _FINE, "do not agree"),
        (0.15, 0.15, _BROKEN, "beyond the 0.02 allowed"),
    ],
)
def test_the_gate_keeps_the_incumbent_and_says_why(
    offline: float, online: float, guardrail: Guardrail, reason: str
) -> None:
    verdict = judge(offline=_evidence(4_000, offline, 1), online=_evidence(2_000, online, 2), guardrails=(guardrail,))
    assert verdict.outcome is Outcome.KEEP
    assert any(reason in each for each in verdict.reasons)


def test_the_gate_refuses_a_short_canary_whatever_it_shows() -> None:
    verdict = judge(offline=_evidence(4_000, 0.5, 1), online=_evidence(LEAST_CANARY - 1, 0.5, 2))
    assert verdict.outcome is Outcome.NOT_ENOUGH
    assert verdict.reasons == (
        f"Not enough evidence: the canary has made 499 decisions, and {LEAST_CANARY} are needed.",
    )


def test_the_gate_refuses_decisions_that_say_little_of_the_challenger() -> None:
    verdict = judge(offline=_evidence(150, 0.5, 1), online=_evidence(1_000, 0.5, 2))
    assert verdict.outcome is Outcome.NOT_ENOUGH
    assert len(verdict.reasons) == 1
    assert verdict.reasons[0].startswith("Offline: Not enough evidence")


def test_tried_on_many_the_gate_rarely_errs() -> None:
    assert share(Setting(0.0), Outcome.PROMOTE, trials=40, seed=9) <= 0.1
    assert share(Setting(-0.07), Outcome.PROMOTE, trials=40, seed=9) == 0.0
    assert share(Setting(0.07), Outcome.PROMOTE, trials=40, seed=9) >= 0.8
    assert share(Setting(0.07, offline=200), Outcome.NOT_ENOUGH, trials=20, seed=9) == 1.0


def test_the_only_way_to_the_top_is_through_shadow_and_canary_by_the_gate() -> None:
    to_active = {pair: movers for pair, movers in MOVES.items() if pair[1] is Stage.ACTIVE}
    assert to_active == {
        (Stage.CANARY, Stage.ACTIVE): {Mover.GATE},
        (Stage.RETIRED, Stage.ACTIVE): {Mover.ROLLBACK},
    }
    assert {pair[0] for pair in MOVES if pair[1] is Stage.CANARY} == {Stage.SHADOW}
    assert {pair[0] for pair in MOVES if pair[1] is Stage.SHADOW} == {Stage.DRAFT, Stage.CANARY, Stage.RETIRED}


def test_who_may_not_move_a_policy_is_told_why() -> None:
    assert why_not_move(Stage.SHADOW, Stage.CANARY, Mover.ADMIN) == ""
    assert why_not_move(Stage.DRAFT, Stage.ACTIVE, Mover.ADMIN) == "A policy does not go from draft to active."
    told = why_not_move(Stage.CANARY, Stage.ACTIVE, Mover.ADMIN)
    assert told == "From canary to active, a policy is moved by gate, not by admin."


def test_what_is_surely_worse_or_breaks_a_guardrail_goes_back() -> None:
    worse, unsure = Estimate(-0.1, -0.15, -0.05, 400, 300.0), Estimate(-0.1, -0.3, 0.1, 400, 300.0)
    early = Estimate(-0.1, -0.15, -0.05, 99, 99.0)
    assert "0.100 lower" in reason_to_roll_back(worse, (_FINE,))
    assert reason_to_roll_back(unsure, (_FINE,)) == reason_to_roll_back(early, ()) == ""
    assert "beyond" in reason_to_roll_back(early, (_FINE, _BROKEN))
