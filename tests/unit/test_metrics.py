"""What containers used, over time: kept, rolled up, shown and pruned."""

from datetime import timedelta

import httpx
import pytest
from sqlmodel import col, delete, func, select

from backend.api.app import make_api
from backend.db import reading, transaction
from backend.errors import Invalid, NotFound
from backend.hypervisor.driver import Usage
from backend.models import Container, UsagePoint
from backend.models.base import now
from backend.rules.downsampling import FIGURES, LEVELS, Point
from backend.services import keys, metrics
from backend.tasks.usage import Ledger, figures_of
from tests.factories import a_container, a_world, an_actor

pytestmark = pytest.mark.usefixtures("database")

_TEN, _MINUTE, _TEN_MINUTES = LEVELS


class Box:
    """A container, and the ledger of its node."""

    def __init__(self, actor, node_id: int, container_id: int) -> None:
        self.actor, self.node_id, self.id, self.ledger = actor, node_id, container_id, Ledger(node_id)
        self.start = int(now().timestamp()) // 600 * 600 - 3000

    async def uses(self, cpu: float, since_s: float, until_s: float) -> None:
        """Two seconds at a time, kept as the sampler does."""
        at = since_s
        while at < until_s:
            at += 2
            self.ledger.add({self.id: (cpu, *[1.0] * (len(FIGURES) - 1))}, at, 2)
            await self.ledger.keep(at)

    async def seen(self, **asked: object):
        async with reading() as tx:
            return await metrics.metrics(tx, self.actor, self.id, **asked)


@pytest.fixture
async def box() -> Box:
    actor, node = await a_world()
    async with transaction() as tx:
        container = await a_container(tx, actor, node)
    return Box(actor, node.id, container.id)


async def _count(grain_s: int) -> int:
    async with reading() as tx:
        query = select(func.count()).select_from(UsagePoint).where(UsagePoint.grain_s == grain_s)
        return (await tx.exec(query)).one()


async def test_samples_become_points_of_ten_seconds_then_of_minutes_then_of_ten_minutes(box: Box) -> None:
    await box.uses(10, box.start, box.start + 600)
    await box.uses(30, box.start + 600, box.start + 1210)
    assert [await _count(each.grain_s) for each in LEVELS] == [121, 20, 2]
    async with reading() as tx:
        rows = (await tx.exec(select(UsagePoint).where(UsagePoint.grain_s == 600))).all()
    assert [(row.at_s - box.start, row.measured_s, row.cpu_percent) for row in rows] == [(0, 600, 10), (600, 600, 30)]


async def test_the_hour_is_shown_in_ten_seconds_and_the_day_counts_each_moment_once(box: Box) -> None:
    await box.uses(20, box.start, box.start + 1390)
    hour = await box.seen(since=now() - timedelta(hours=1))
    assert (hour.step_s, len(hour.points)) == (10, 139)
    for days, step_s in ((1, 60), (7, 600)):
        asked = await box.seen(since=now() - timedelta(days=days), points=2000)
        assert asked.step_s == step_s
        assert sum(each.measured_s for each in asked.points) == 1390
        assert {each.values[0] for each in asked.points} == {20.0}


async def test_a_machine_that_was_off_leaves_a_gap(box: Box) -> None:
    await box.uses(20, box.start, box.start + 60)
    await box.uses(20, box.start + 300, box.start + 360)
    times = [each.at_s - box.start for each in (await box.seen()).points]
    assert times == [0, 10, 20, 30, 40, 50, 300, 310, 320, 330, 340, 350]


async def test_a_process_that_begins_anew_makes_up_for_what_was_not_rolled_up(box: Box) -> None:
    await box.uses(20, box.start, box.start + 90)
    box.ledger = Ledger(box.node_id)
    await box.uses(40, box.start + 100, box.start + 130)
    async with reading() as tx:
        rows = (await tx.exec(select(UsagePoint).where(UsagePoint.grain_s == 60))).all()
    assert [(row.measured_s, round(row.cpu_percent or 0)) for row in rows] == [(60, 20), (50, 28)]


async def test_figures_go_with_their_container_and_none_are_kept_of_one_that_is_gone(box: Box) -> None:
    await box.uses(20, box.start, box.start + 60)
    async with transaction() as tx:
        await tx.exec(delete(Container).where(col(Container.id) == box.id))
    await box.uses(20, box.start + 60, box.start + 90)
    assert await _count(10) == 0


async def test_old_points_are_pruned_level_by_level(box: Box) -> None:
    at_s = int(now().timestamp())
    async with transaction() as tx:
        for level in LEVELS:
            for age_s in (level.kept_s - 60, level.kept_s + 3600):
                row = UsagePoint(container_id=box.id, grain_s=level.grain_s, at_s=at_s - age_s, measured_s=1)
                tx.add(row)
    async with transaction() as tx:
        assert await metrics.prune(tx) == 3
    async with transaction() as tx:
        assert await metrics.prune(tx) == 0
    assert [await _count(each.grain_s) for each in LEVELS] == [1, 1, 1]


async def test_bounds_that_make_no_sense_get_a_sentence(box: Box) -> None:
    for asked in ({"since": now() + timedelta(hours=1)}, {"points": 0}, {"points": 10**6}):
        with pytest.raises(Invalid):
            await box.seen(**asked)


async def test_strangers_see_nothing(box: Box) -> None:
    async with transaction() as tx:
        stranger = await an_actor(tx)
    box.actor = stranger
    with pytest.raises(NotFound):
        await box.seen()


async def test_what_was_written_twice_is_there_once(box: Box) -> None:
    point = Point(box.start, 10, (1.0,) * len(FIGURES))
    for _ in range(2):
        async with transaction() as tx:
            await metrics.keep(tx, {box.id: [point]})
    assert await _count(10) == 1


async def test_a_program_gets_them_by_name(box: Box) -> None:
    await box.uses(20, box.start, box.start + 60)
    async with transaction() as tx:
        _, secret = await keys.create_key(tx, box.actor, name="k", scope="read")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=make_api()), base_url="http://localhost") as client:
        for range_, step_s in (("1h", 10), ("24h", 240), ("7d", 1800)):
            url = f"/api/containers/{box.id}/metrics/?range={range_}"
            said = (await client.get(url, headers={"authorization": f"Bearer {secret}"})).json()
            assert said["step_s"] == step_s
            assert said["points"][0].keys() == {"at", "measured_s", *FIGURES}
            assert said["points"][0]["cpu_percent"] == 20


def test_rates_are_of_totals_that_grow_and_a_boot_begins_anew() -> None:
    before = Usage(0, 2, 100, 1000, 1000, 2000, 5000, 10, 20)
    after = Usage(2_000_000_000, 2, 110, 1000, 3000, 2000, 6000, 30, 0)
    assert figures_of(before, after, 2.0) == (50.0, 110, 1000, 1000.0, 0.0, 6000, 10.0, 0.0)
    assert figures_of(None, Usage(1, 1), 2.0) == (0.0, None, None, None, None, None, None, None)
