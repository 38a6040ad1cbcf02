"""What an administrator sees of the reconciler's work, and what is left to do."""

from datetime import timedelta

import pytest

from backend.db import reading, transaction
from backend.errors import Forbidden
from backend.hypervisor.memory import MemoryNode
from backend.models import Container, DesiredState, Status
from backend.models.base import now
from backend.rules.lifecycle import Step
from backend.rules.policy import SYSTEM
from backend.services import containers
from backend.services.reconciling import list_reconciling
from backend.tasks import leases, steps
from backend.tasks.helm import Helm
from tests.factories import a_container, a_node, a_world

pytestmark = pytest.mark.usefixtures("database")


async def _all(**which: object) -> dict[str, object]:
    async with reading() as tx:
        views, total = await list_reconciling(tx, SYSTEM, **which)  # type: ignore[arg-type]
    assert total >= len(views)
    return {view.name: view for view in views}


async def test_what_is_settled_in_the_list_is_what_sql_calls_settled() -> None:
    actor, node = await a_world()
    at = now()
    async with transaction() as tx:
        other = await a_node(tx)
        for desired in DesiredState:
            for status in Status:
                await a_container(tx, actor, node, desired=desired, status=status)
        await a_container(tx, actor, node, restart_requested_at=at, booted_at=at - timedelta(seconds=1))
        await a_container(tx, actor, node, restart_requested_at=at, booted_at=at + timedelta(seconds=1))
        await a_container(tx, actor, node, restart_requested_at=at)
        await a_container(tx, actor, node, delete_requested_at=at)
        await a_container(tx, actor, node, move_to_node_id=other.id)
    everything, unsettled = await _all(), await _all(unsettled=True)
    assert {name for name, view in everything.items() if not view.is_settled} == set(unsettled)
    assert 0 < len(unsettled) < len(everything)


async def test_the_last_step_is_on_the_row_before_it_is_done() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        row = await a_container(tx, actor, node, desired=DesiredState.STOPPED)
    fence = await leases.take(node.id, "me") or 0
    assert await Helm(node.id, "me", fence, MemoryNode()).load(row.id, Step.ASK_OFF)
    view = (await _all())[row.name]
    assert (view.desired, view.observed, view.last_step) == ("stopped", "running", "ask-off")
    assert view.last_step_at is not None


async def test_a_row_that_is_another_nodes_is_neither_given_nor_written() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        other = await a_node(tx)
        row = await a_container(tx, actor, other)
    helm = Helm(node.id, "me", await leases.take(node.id, "me") or 0, MemoryNode())
    assert await helm.load(row.id, Step.BOOT) is None
    await helm.write(row.id, status_reason="not mine")
    async with reading() as tx:
        kept = await tx.get_one(Container, row.id)
    assert (kept.status_reason, kept.last_step) == ("", "")


async def test_a_restart_wished_while_the_guest_goes_down_is_not_lost() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        row = await a_container(tx, actor, node)
    helm = Helm(node.id, "me", await leases.take(node.id, "me") or 0, MemoryNode())
    seen = await helm.load(row.id, Step.NOTE_SHUT_DOWN_INSIDE)
    assert seen is not None
    async with transaction() as tx:
        await containers.restart(tx, actor, row.id)
    await steps.apply(helm, seen, Step.NOTE_SHUT_DOWN_INSIDE)
    async with reading() as tx:
        assert (await tx.get_one(Container, row.id)).desired_state is DesiredState.RUNNING


async def test_one_finds_by_name_owner_and_node_and_turns_pages() -> None:
    actor, node = await a_world()
    async with transaction() as tx:
        other = await a_node(tx)
        rows = [await a_container(tx, actor, node) for _ in range(3)]
        away = await a_container(tx, actor, other, status_reason="Broken.", retry_at=now() + timedelta(hours=1))
    assert set(await _all(search=other.name)) == {away.name}
    assert set(await _all(search=rows[0].name)) >= {rows[0].name}
    assert len(await _all(search=actor.username)) == 4
    assert await _all(search="%") == {}
    assert set(await _all(node_id=other.id)) == {away.name}
    view = (await _all(node_id=other.id))[away.name]
    assert (view.reason, view.next_look_at) == ("Broken.", away.retry_at)
    pages = [await _all(limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [len(page) for page in pages] == [2, 2, 0]
    assert len(pages[0].keys() | pages[1].keys()) == 4


async def test_it_is_for_administrators() -> None:
    actor, _ = await a_world()
    with pytest.raises(Forbidden):
        async with reading() as tx:
            await list_reconciling(tx, actor)
