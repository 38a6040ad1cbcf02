"""Who reads what the assistant was asked."""

import pytest

from backend.db import reading, transaction
from backend.errors import NotFound
from backend.models import AIUsageLog
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
