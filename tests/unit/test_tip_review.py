"""What administrators see of tips: what they were worth, what others would have earned, and what could be said."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.db import reading, transaction
from backend.errors import Forbidden, Invalid
from backend.models import TipCandidate, TipDecision, TipPhrase
from backend.models.base import now
from backend.rules.bandit.estimators import Estimate, NotEnough
from backend.rules.bandit.rounds import Round
from backend.rules.bandit.worth import LEAST_MEAN, SHOWN, Decided, history
from backend.rules.links import links_of
from backend.rules.policy import Actor
from backend.tips.candidates.kinds import KINDS
from backend.tips.review import candidates, worth
from tests.factories import an_actor
from tests.tip_log import FIRST, SECOND, decisions
from tests.tips import Knowledge, a_tip, an_idle_machine, knowledge

__all__ = ["knowledge"]

_ASKED = {"rule@1": FIRST, "thompson@1": SECOND}
_BETTER = 0.32
"""By which SECOND earns more a tip than FIRST does: 0.9 · 0.6 + 0.1 · 0.2 - 0.9 · 0.2 - 0.1 · 0.6."""


async def _admin() -> Actor:
    async with transaction() as tx:
        return await an_actor(tx, is_superuser=True)


async def _review(admin: Actor, *, days: int = 30) -> worth.Review:
    async with reading() as tx:
        return await worth.review(tx, admin, days=days)


@pytest.mark.usefixtures("database")
async def test_regret_is_what_the_best_would_have_earned_more_and_its_interval_holds_the_truth() -> None:
    admin = await _admin()
    await decisions(admin.person_id, 1_200, "active", _ASKED, FIRST)
    said = (await _review(admin)).history
    assert said.best is not None
    assert said.best.name == "thompson@1"
    assert isinstance(said.best.more, Estimate)
    assert said.best.more.low < _BETTER < said.best.more.high
    assert said.lost[-1][1] == pytest.approx(said.best.more.value * 1_200)
    (by, stage, all_of_them) = said.deciders[0]
    assert (by, stage, all_of_them.decisions, all_of_them.settled) == ("rule@1", "active", 1_200, 1_200)
    assert all_of_them.low is not None
    assert all_of_them.high is not None
    assert all_of_them.low < 0.24 < all_of_them.high


@pytest.mark.usefixtures("database")
async def test_few_decisions_are_not_enough_evidence_for_any_regret() -> None:
    admin = await _admin()
    await decisions(admin.person_id, 60, "active", _ASKED, FIRST)
    said = (await _review(admin)).history
    by_name = {each.name: each.more for each in said.others}
    assert isinstance(by_name["thompson@1"], NotEnough)
    assert "Not enough evidence" in by_name["thompson@1"].sentence
    assert said.best is None
    assert said.lost == ()


@pytest.mark.usefixtures("database")
async def test_only_the_days_that_were_asked_for_are_summed_up_each_by_itself() -> None:
    admin = await _admin()
    at = now().replace(hour=12)
    for days, count in ((0, 3), (2, LEAST_MEAN), (9, 5)):
        await decisions(admin.person_id, count, "active", _ASKED, FIRST, seed=days, at=at - timedelta(days=days))
    found = await _review(admin, days=7)
    shown = [(day, each.settled, each.low is None) for day, each in found.history.days]
    assert shown == [((at - timedelta(days=2)).date(), LEAST_MEAN, False), (at.date(), 3, True)]
    assert (found.decisions, found.is_cut) == (33, False)


@pytest.mark.usefixtures("database")
async def test_a_tip_that_nobody_saw_counts_as_chosen_and_says_nothing_of_its_worth(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    await a_tip(actor)
    found = await _review(await _admin())
    assert [(each.decisions, each.settled, each.mean) for _, each in found.history.days] == [(1, 0, None)]
    assert found.history.others == ()


@pytest.mark.usefixtures("database")
async def test_without_a_decision_there_is_nothing_and_no_fault() -> None:
    found = await _review(await _admin())
    assert (found.decisions, found.history.days, found.history.best) == (0, (), None)


@pytest.mark.usefixtures("database")
async def test_only_administrators_see_any_of_it() -> None:
    async with transaction() as tx:
        somebody = await an_actor(tx)
    for ask in (worth.review, candidates.list_candidates, candidates.list_phrases):
        with pytest.raises(Forbidden):
            async with transaction() as tx:
                await ask(tx, somebody)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.floats(0.0, 1.0), st.integers(0, 1), st.floats(0.05, 0.95), st.booleans()),
        max_size=300,
    )
)
def test_sums_are_whole_and_the_best_is_never_worse_than_another(
    told: list[tuple[int, float, int, float, bool]],
) -> None:
    decided = [_one(*each) for each in sorted(told, key=lambda each: each[0])]
    said = history(decided)
    assert sum(each.decisions for _, each in said.days) == len(decided)
    assert sum(each.decisions for _, _, each in said.deciders) == len(decided)
    estimates = [each.more.value for each in said.others if isinstance(each.more, Estimate)]
    assert (said.best is None) == (not estimates)
    if said.best is not None and isinstance(said.best.more, Estimate):
        assert said.best.more.value == max(estimates)
    for each in said.others:
        if each.name == "same" and isinstance(each.more, Estimate):
            assert each.more.value == pytest.approx(0.0, abs=1e-12)  # who says what was shown would have earned as much


def _one(day: int, reward: float, place: int, share: float, is_settled: bool) -> Decided:
    shown = (share, 1.0 - share)
    opinions = {SHOWN: shown, "same": shown, "other": (0.5, 0.5)}
    seen = Round(("walk", "rest"), place, reward, shown[place], opinions) if is_settled else None
    return Decided(date(2026, 1, 1) + timedelta(days=day), "rule@1", "active", seen)


@pytest.mark.usefixtures("database")
async def test_a_candidate_shows_on_what_it_stands_and_what_was_last_said_of_it(knowledge: Knowledge) -> None:
    actor, container = await an_idle_machine(knowledge)
    await a_tip(actor)
    async with reading() as tx:
        found = await candidates.list_candidates(tx, await _admin(), kind="idle_vm")
    (idle,) = found
    assert container.name in idle.sentence
    assert (idle.feature, idle.value) == ("platform.idle_vm", 24.0)
    assert idle.slots["hours"] == 24
    assert idle.last_said == "shown"
    assert not hasattr(idle, "user_id")


@pytest.mark.usefixtures("database")
async def test_what_a_person_calls_a_habit_is_shown_to_no_administrator(knowledge: Knowledge) -> None:
    async with transaction() as tx:
        actor = await an_actor(tx)
    habits = [{"habit_id": 7, "name": "Call my mother"}]
    await knowledge.learn(actor, "habits.due_today", 1, habits=habits)
    await a_tip(actor)
    async with reading() as tx:
        found = await candidates.list_candidates(tx, await _admin(), kind="habit_due")
        rows = [await tx.get(TipCandidate, each.id) for each in found]
    assert [row.sentence for row in rows if row is not None and "Call my mother" in row.sentence]
    assert "mother" not in str(found)
    assert found[0].slots == {"name": "…"}


@pytest.mark.usefixtures("database")
async def test_why_a_candidate_could_not_be_chosen_stands_with_it() -> None:
    admin = await _admin()
    await decisions(admin.person_id, 1, "active", _ASKED, np.array([1.0, 0.0]))
    async with transaction() as tx:
        made = await candidates.list_candidates(tx, admin)
        excluded = {"id": made[0].id, "kind": "rest", "values": {}, "excluded": "cool-down"}
        tx.add(
            TipDecision(
                user_id=admin.person_id, eligible=[excluded], policy="rule", stage="active", seed=1, state="closed",
                ends_at=now(),
            )
        )  # fmt: skip
    async with reading() as tx:
        said = {each.kind: each.last_said for each in await candidates.list_candidates(tx, admin)}
        older = await candidates.list_candidates(tx, admin, before_id=made[0].id)
    assert said == {"rest": "cool-down", "walk": ""}
    assert [each.kind for each in older] == ["walk"]


@pytest.mark.usefixtures("database")
async def test_words_are_counted_by_who_said_them(knowledge: Knowledge) -> None:
    actor, _ = await an_idle_machine(knowledge)
    await a_tip(actor)
    async with transaction() as tx:
        tx.add(TipPhrase(kind="idle_vm", text="{name} rests, let it go.", alias="tip-generator", model="a-model"))
    async with reading() as tx:
        said = {each.kind: each for each in await candidates.list_phrases(tx, await _admin())}
    assert said.keys() == KINDS.keys()
    assert [(each.text, each.model) for each in said["idle_vm"].phrases] == [("{name} rests, let it go.", "a-model")]
    assert said["idle_vm"].in_use == {"template": 1}
    assert said["mood_low"].in_use == {}


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)", "MLflow=javascript:alert(1)", "MLflow", "MLflow=//mlflow.example", "=https://a.example",
        "MLflow=https://me:secret@mlflow.example", "A=https://a.example A=https://b.example", "A=https://",
        "A=https://[::1", " ".join(f"A{each}=https://a.example" for each in range(13)),
    ],
)  # fmt: skip
def test_a_link_that_leads_nowhere_good_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        links_of(text)


def test_links_are_kept_in_their_order() -> None:
    said = links_of("MLflow=https://mlflow.example/#/experiments Airflow=http://10.0.0.7:8080")
    assert list(said) == ["MLflow", "Airflow"]
    assert links_of("") == {}
