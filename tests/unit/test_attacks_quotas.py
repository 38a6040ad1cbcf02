"""Credits and rooms under everything at once: whatever comes together, nobody runs more than is theirs."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlmodel import select

from backend.db import reading, transaction
from backend.errors import DatabaseBusy, PequerokuError
from backend.models import Container, ContainerSchedule, DesiredState, ResourceQuota, Status
from backend.models.base import now
from backend.rules.policy import SYSTEM, Actor
from backend.services import containers, quotas, schedules, sizes
from tests.factories import a_container, a_node, a_type, an_actor


@pytest.mark.usefixtures("database")
async def test_starts_creations_schedules_and_resizes_at_once_never_pass_the_credits() -> None:
    async with transaction() as tx:
        actor, node = await an_actor(tx, limit=4), await a_node(tx, mem_mb=2**20, vcpus=512)
        small, large = (await a_type(tx)).id or 0, (await a_type(tx, "large")).id or 0
        boxes = [
            (await a_container(tx, actor, node, status=Status.STOPPED, desired=DesiredState.STOPPED)).id or 0
            for _ in range(8)
        ]
        due = now() - timedelta(minutes=1)
        tx.add_all(ContainerSchedule(container_id=each, minute_of_day=1, next_at=due) for each in boxes)

    async def until_it_is_answered(work: object) -> None:
        try:
            async with transaction() as tx:
                await work(tx)  # type: ignore[operator]
        except DatabaseBusy:
            await until_it_is_answered(work)
        except PequerokuError:
            return

    ways: list[object] = []
    for box in boxes:
        ways += [
            lambda tx, box=box: containers.power_on(tx, actor, box),
            lambda tx, box=box: schedules.run_due(tx, SYSTEM, box, at=now()),
            lambda tx, box=box: containers.restart(tx, actor, box),
            lambda tx, box=box: sizes.resize(tx, actor, box, container_type_id=large),
            lambda tx: containers.create(tx, actor, container_type_id=small),
        ]
    await asyncio.gather(*map(until_it_is_answered, ways))
    async with reading() as tx:
        used = await quotas.calculate_used_credits(tx, actor.user_id or 0)
        runs = (await tx.exec(select(Container.id).where(Container.desired_state == DesiredState.RUNNING))).all()
    assert 0 < used <= 4
    assert runs


async def _start(actor: Actor, box: int) -> None:
    with suppress(PequerokuError):
        async with transaction() as tx:
            await containers.power_on(tx, actor, box)


async def _switch_off(actor: Actor) -> None:
    async with transaction() as tx:
        quota = select(ResourceQuota.id).where(ResourceQuota.user_id == actor.user_id)
        await quotas.update_quota(tx, SYSTEM, (await tx.exec(quota)).one() or 0, active=False)


@pytest.mark.usefixtures("database")
async def test_nothing_starts_beside_a_quota_that_is_switched_off() -> None:
    for _ in range(5):
        async with transaction() as tx:
            actor, node = await an_actor(tx, limit=50), await a_node(tx, mem_mb=2**20, vcpus=512)
            boxes = [
                (await a_container(tx, actor, node, status=Status.STOPPED, desired=DesiredState.STOPPED)).id or 0
                for _ in range(6)
            ]
        starts = [_start(actor, each) for each in boxes]
        await asyncio.gather(*starts[:3], _switch_off(actor), *starts[3:])
        async with reading() as tx:
            assert await quotas.calculate_used_credits(tx, actor.user_id or 0) == 0
