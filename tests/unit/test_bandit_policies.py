"""The tips' policies: what they answer are probabilities, and what they learn survives."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.rules.bandit.baselines import Random, Rule
from backend.rules.bandit.distributions import CANARY_SHARE, FLOOR, floored, mixture, pick
from backend.rules.bandit.encoding import MOST_COLUMNS, Columns, named, recency
from backend.rules.bandit.shapes import Arm, Context, Policy
from backend.rules.bandit.thompson import StateMismatch, Thompson

_NUMBERS = st.floats(-1.0, 1.0)
_VALUES = st.dictionaries(st.sampled_from(["hour", "tasks.overdue", "calendar.busy_now", "mood"]), _NUMBERS)
_CONTEXTS = st.builds(Context, st.integers(1, 3), _VALUES)
_OWN = st.dictionaries(st.sampled_from(["lately", "often", "priority"]), _NUMBERS)
_KINDS = st.sampled_from(["task", "idle_vm", "habit", "mood"])
_ARMS = st.lists(
    st.builds(Arm, st.uuids().map(str), _KINDS, _OWN), min_size=1, max_size=8, unique_by=lambda arm: arm.id
)
_LESSONS = st.lists(st.tuples(_CONTEXTS, st.builds(Arm, st.just("a"), _KINDS, _OWN), st.floats(0.0, 1.0)), max_size=12)
_HERE = Context(1, {"hour": 0.5})


def _taught(lessons: list[tuple[Context, Arm, float]]) -> Thompson:
    policy = Thompson()
    for context, arm, reward in lessons:
        policy.update(context, arm, reward=reward, propensity=0.5)
    return policy


@given(context=_CONTEXTS, arms=_ARMS, lessons=_LESSONS)
@settings(deadline=None, max_examples=60)
def test_an_answer_is_probabilities_above_the_floor_and_the_same_when_asked_again(
    context: Context, arms: list[Arm], lessons: list[tuple[Context, Arm, float]]
) -> None:
    for policy in (Random(), Rule(), _taught(lessons)):
        told = policy.distribution(context, arms)
        assert told.shape == (len(arms),)
        assert told.sum() == pytest.approx(1.0, abs=1e-12)
        assert told.min() >= FLOOR - 1e-12
        assert np.array_equal(told, policy.distribution(context, arms))


@given(context=_CONTEXTS, arms=_ARMS, lessons=_LESSONS, dice=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_order_of_the_arms_changes_nothing(
    context: Context, arms: list[Arm], lessons: list[tuple[Context, Arm, float]], dice: object
) -> None:
    order = list(range(len(arms)))
    dice.shuffle(order)  # type: ignore[attr-defined]
    for policy in (Random(), Rule(), _taught(lessons)):
        straight = policy.distribution(context, arms)
        shuffled = policy.distribution(context, [arms[place] for place in order])
        assert shuffled == pytest.approx(straight[order], abs=1e-12)


@given(context=_CONTEXTS, arms=_ARMS, lessons=_LESSONS)
@settings(deadline=None, max_examples=60)
def test_what_was_learnt_survives_json_to_the_last_bit(
    context: Context, arms: list[Arm], lessons: list[tuple[Context, Arm, float]]
) -> None:
    policy = _taught(lessons)
    again = Thompson(json.loads(json.dumps(policy.state())))
    assert again.state() == policy.state()
    assert np.array_equal(again.distribution(context, arms), policy.distribution(context, arms))
    for each in (policy, again):
        each.update(context, arms[0], reward=1.0, propensity=0.5)
    assert again.state() == policy.state()


def test_it_prefers_what_was_liked_and_learns_from_each_telling() -> None:
    liked, other = Arm("a", "task", {}), Arm("b", "habit", {})
    policy = Thompson()
    before = policy.distribution(_HERE, [liked, other])
    once = _taught([(_HERE, liked, 1.0)])
    twice = _taught([(_HERE, liked, 1.0)] * 2)
    for _ in range(40):
        policy.update(_HERE, liked, reward=1.0, propensity=0.5)
        policy.update(_HERE, other, reward=0.0, propensity=0.5)
    assert before == pytest.approx([0.5, 0.5], abs=0.03)
    assert policy.distribution(_HERE, [liked, other])[0] == pytest.approx(1.0 - FLOOR)
    assert policy.expected(_HERE, [liked])[0] > 0.8
    assert (once.updates, twice.updates) == (1, 2)
    assert twice.expected(_HERE, [liked])[0] > once.expected(_HERE, [liked])[0]


def test_it_learns_that_a_kind_shown_lately_is_welcome_no_more() -> None:
    fresh = Arm("fresh", "task", recency(shown_h_ago=[], refused_h_ago=[]))
    worn = Arm("worn", "task", recency(shown_h_ago=[0.5, 1.0, 3.0], refused_h_ago=[]))
    policy = _taught([(_HERE, fresh, 1.0), (_HERE, worn, 0.0)] * 60)
    unseen = Arm("x", "habit", worn.values)
    assert policy.distribution(_HERE, [fresh, worn])[0] > 0.9
    assert policy.expected(_HERE, [unseen])[0] < policy.expected(_HERE, [Arm("y", "habit", fresh.values)])[0]


def test_one_persons_taste_is_their_own_until_it_is_forgotten() -> None:
    arm = Arm("a", "task", {})
    policy = _taught([(Context(1, {}), arm, 1.0), (Context(2, {}), arm, 0.0)] * 80)
    mine, theirs = (policy.expected(Context(user, {}), [arm])[0] for user in (1, 2))
    assert mine - theirs > 0.3
    policy.forget(1)
    stranger = policy.expected(Context(3, {}), [arm])[0]
    assert policy.expected(Context(1, {}), [arm])[0] == stranger
    assert "1" not in policy.state()["people"]  # type: ignore[operator]


def test_what_another_version_learnt_is_not_taken_silently() -> None:
    state = Thompson().state()
    with pytest.raises(StateMismatch, match="version 1"):
        Thompson(state | {"version": 2})
    with pytest.raises(StateMismatch):
        Thompson(state | {"policy": "rule"})


def test_the_rule_shows_what_matters_most_unless_it_was_just_shown() -> None:
    urgent, calm = Arm("a", "expiry", {"priority": 0.9}), Arm("b", "template", {"priority": 0.2})
    worn = Arm("a", "expiry", {"priority": 0.9, "lately": 1.0})
    assert list(Rule().distribution(_HERE, [urgent, calm])) == pytest.approx([0.98, 0.02])
    assert list(Rule().distribution(_HERE, [worn, calm])) == pytest.approx([0.02, 0.98])
    assert list(Rule().distribution(_HERE, [calm, calm])) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("policy", [Random(), Rule(), Thompson()], ids=lambda policy: policy.name)
def test_without_arms_there_is_nothing_to_answer(policy: Policy) -> None:
    with pytest.raises(ValueError, match=r"arms|weights"):
        policy.distribution(_HERE, [])


@given(weights=st.lists(st.floats(0.0, 1e6), min_size=1, max_size=80).filter(lambda each: sum(each) > 1e-3))
def test_the_floor_holds_and_keeps_the_rest_in_proportion(weights: list[float]) -> None:
    given_ = np.array(weights)
    told = floored(given_)
    floor = min(FLOOR, 1.0 / len(weights))
    above = told > floor + 1e-9
    assert told.sum() == pytest.approx(1.0)
    assert told.min() >= floor - 1e-9
    if above.any():
        assert told[above] / told[above].sum() == pytest.approx(given_[above] / given_[above].sum(), abs=1e-9)


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [-1.0, 2.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_what_is_no_weight_gets_no_probability(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        floored(np.array(weights))


def test_a_draw_is_the_same_for_the_same_seed_and_as_frequent_as_it_says() -> None:
    told = np.array([0.02, 0.9, 0.08])
    drawn = [pick(told, seed) for seed in range(20_000)]
    assert drawn == [pick(told, seed) for seed in range(20_000)]
    assert np.bincount(drawn) / len(drawn) == pytest.approx(told, abs=0.01)
    assert pick(np.array([0.0, 1.0, 0.0]), 7) == 1
    with pytest.raises(ValueError, match="add up"):
        pick(np.array([0.5, 0.6]), 1)


def test_the_mixtures_probabilities_are_those_of_drawing_first_whom_to_ask() -> None:
    incumbent, challenger = np.array([0.9, 0.08, 0.02]), np.array([0.1, 0.2, 0.7])
    told = mixture(incumbent, challenger)
    assert list(told) == [0.75 * one + 0.25 * other for one, other in zip(incumbent, challenger, strict=True)]
    dice = np.random.default_rng(1)
    asked = np.where(dice.random(40_000)[:, None] < CANARY_SHARE, challenger, incumbent)
    drawn = (asked.cumsum(axis=1) < dice.random(40_000)[:, None]).sum(axis=1)
    assert np.bincount(drawn) / len(drawn) == pytest.approx(told, abs=0.01)
    with pytest.raises(ValueError, match="same arms"):
        mixture(incumbent, np.array([1.0]))
    with pytest.raises(ValueError, match="share"):
        mixture(incumbent, challenger, 1.5)


def test_a_row_says_the_moment_the_kind_both_together_and_the_tips_own_numbers() -> None:
    row = named(Context(1, {"hour": 0.5}), Arm("a", "task", {"lately": 1.0}))
    assert row == {"1": 1.0, "kind=task": 1.0, "hour": 0.5, "kind=task&hour": 0.5, "tip:lately": 1.0}


def test_columns_keep_their_place_and_there_is_an_end_to_them() -> None:
    columns = Columns()
    columns.add({"a": 1.0})
    columns.add({"b": 1.0, "a": 1.0})
    assert columns.names == ["a", "b"]
    assert columns.add({f"n{number}": 1.0 for number in range(2 * MOST_COLUMNS)}) == MOST_COLUMNS
    assert columns.matrix([{"b": 2.0, "n9999": 1.0}])[0, :2].tolist() == [0.0, 2.0]
    assert columns.new({"b": 2.0, "n9999": 1.0}) == {"n9999": 1.0}


def test_recency_fades_and_never_shown_is_nothing() -> None:
    assert recency(shown_h_ago=[], refused_h_ago=[]) == {"lately": 0.0, "often": 0.0, "refused": 0.0}
    now, later = (recency(shown_h_ago=[each, 400.0], refused_h_ago=[each]) for each in (0.0, 48.0))
    assert (now["lately"], now["refused"], now["often"]) == (1.0, 1.0, pytest.approx(1 / 7))
    assert later["lately"] < later["refused"] < 1.0
    assert recency(shown_h_ago=[1.0] * 30, refused_h_ago=[])["often"] == 1.0
