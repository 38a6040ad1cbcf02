"""Who reads what the assistant was asked."""

from datetime import timedelta

import pytest

from backend.db import reading, transaction
from backend.errors import Forbidden, NotFound
from backend.models import AIUsageLog
from backend.models.base import now
from backend.rules.policy import SYSTEM
from backend.services import ai_usage
from tests.factories import a_container, a_node, an_actor

pytestmark = pytest.mark.usefixtures("database")


async def test_questions_to_the_assistant_are_read_by_who_asked_and_counted_by_whose_machine_it_was() -> None:
    async with transaction() as tx:
        owner, helper, other = await an_actor(tx), await an_actor(tx), await an_actor(tx)
        container = await a_container(tx, owner, await a_node(tx))
        tx.add_all(
            AIUsageLog(user_id=who.user_id, container_id=where, query=f"q{number}", response="a", prompt_tokens=number)
            for number, (who, where) in enumerate([(owner, container.id), (helper, container.id), (owner, None)])
        )
    async with reading() as tx:
        mine = await ai_usage.get_user_ai_logs(tx, owner, owner.person_id)
        assert [each.query for each in mine] == ["q2", "q0"]
        its = await ai_usage.get_machine_ai_logs(tx, owner, container.id)
        assert [(each.query, each.response, each.prompt_tokens) for each in its] == [("", "", 1), ("q0", "a", 0)]
        last = await ai_usage.get_machine_ai_logs(tx, SYSTEM, container.id, before_id=its[0].id, limit=1)
        assert [each.query for each in last] == ["q0"]
        for actor in (other, helper):
            with pytest.raises(NotFound):
                await ai_usage.get_user_ai_logs(tx, actor, owner.person_id)
            with pytest.raises(NotFound):
                await ai_usage.get_machine_ai_logs(tx, actor, container.id)
        with pytest.raises(NotFound):
            await ai_usage.get_user_ai_logs(tx, owner, 2**40)


async def test_what_everybody_asked_is_added_up_by_day_user_and_model() -> None:
    async with transaction() as tx:
        often, once = await an_actor(tx), await an_actor(tx)
        admin = await an_actor(tx, is_superuser=True)
        asked = [(often, "large", 0), (often, "large", 0), (often, "small", 1), (once, "small", 40)]
        tx.add_all(
            AIUsageLog(
                user_id=who.user_id, query="q", response="a", model=model, prompt_tokens=1_000_000,
                completion_tokens=100_000, created_at=now() - timedelta(days=ago),
            )
            for who, model, ago in asked
        )  # fmt: skip
    async with reading() as tx:
        seen = await ai_usage.usage_sums(tx, admin, days=7)
        assert (seen.total.questions, seen.total.prompt_tokens) == (3, 3_000_000)
        assert seen.total.cost == pytest.approx(3 * (1_000_000 * 1.5e-7 + 100_000 * 7.5e-7))
        assert [each.questions for each in seen.days] == [0, 0, 0, 0, 0, 1, 2]
        assert seen.days[-1].name == f"{now():%Y-%m-%d}"
        assert [(each.name, each.questions) for each in seen.users] == [(often.username, 3)]
        assert [(each.name, each.questions) for each in seen.models] == [("large", 2), ("small", 1)]
        assert len((await ai_usage.usage_sums(tx, admin, days=60)).users) == 2
        with pytest.raises(Forbidden):
            await ai_usage.usage_sums(tx, often)


async def test_nothing_asked_costs_nothing() -> None:
    async with reading() as tx:
        seen = await ai_usage.usage_sums(tx, SYSTEM, days=2)
    assert (seen.total.cost, len(seen.days), seen.users) == (0.0, 2, ())
