"""The view of a container's page that shows what it used, through the whole event pipeline."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.db import transaction
from backend.events.bus import UsageSampled
from backend.models.base import now
from backend.rules.downsampling import FIGURES, Point
from backend.rules.timeline import READY, begun, stretches
from backend.services import metrics, usage
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.metrics import MetricsState
from pequeroku_ui.state.watching import METRICS, follows
from tests.unit.test_states import Pipeline, _container_of, _somebody, pipeline  # noqa: F401

_AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


async def test_the_view_reads_the_range_it_is_asked_for(database: str, pipeline: Pipeline) -> None:  # noqa: F811
    me, sid = await _somebody()
    mine = await _container_of(me)
    point = Point(int(now().timestamp()) // 10 * 10 - 100, 10, (25.0,) * len(FIGURES))
    async with transaction() as tx:
        await metrics.keep(tx, {mine: [point]})
    await pipeline.fire(ContainerState.load(), sid=sid, path=f"/containers/{mine}")
    await pipeline.fire(MetricsState.open(mine), sid=sid)
    assert pipeline.told("history")["rows"] == [[point.at_s, *point.values]]
    assert follows("tab", METRICS)
    for asked, step_s in ((24 * 3600, 240), (7 * 24 * 3600, 1800), ("nonsense", 10)):
        await pipeline.fire(MetricsState.choose(asked), sid=sid)
        assert pipeline.told("history")["step"] == step_s
    await pipeline.fire(MetricsState.close(), sid=sid)
    assert pipeline.told("history") == {}
    assert not follows("tab", METRICS)


async def test_a_strangers_view_says_why_it_is_empty(database: str, pipeline: Pipeline) -> None:  # noqa: F811
    me, _ = await _somebody()
    _, sid = await _somebody()
    await pipeline.fire(MetricsState.open(await _container_of(me)), sid=sid)
    assert "not yours to see" in pipeline.told("problem")
    assert not pipeline.told("history")


def test_the_latest_sample_is_at_hand_until_its_node_tells_of_it_no_more() -> None:
    values = [12.0, 100.0, 1024.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    usage.hear(UsageSampled(77, {"7001": values}))
    assert usage.latest([7001])[7001].values == tuple(values)
    usage.hear(UsageSampled(77, {}))
    assert not usage.latest([7001])


def test_a_start_is_told_phase_by_phase_once_it_is_over() -> None:
    phases: list[list[str]] = []
    for number, phase in enumerate(("placing", "disk", "booting", "guest")):
        phases = begun(phases, phase, _AT + timedelta(seconds=number))
        assert not stretches([(each, datetime.fromisoformat(at)) for each, at in phases])
    phases = begun(phases, READY, _AT + timedelta(seconds=10))
    told = stretches([(each, datetime.fromisoformat(at)) for each, at in phases])
    assert [(each.phase, each.after_s, each.took_s) for each in told] == [
        ("placing", 0, 1), ("disk", 1, 1), ("booting", 2, 1), ("guest", 3, 7),
    ]  # fmt: skip
    assert begun(phases, READY, _AT) == phases
    assert [each for each, _ in begun(phases, "booting", _AT)] == ["booting"]


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=8))
def test_the_phases_of_a_start_fill_its_time(seconds: list[float]) -> None:
    at, phases = _AT, []
    for number, took in enumerate(seconds):
        phases.append((f"phase {number}", at))
        at += timedelta(seconds=took)
    told = stretches([*phases, (READY, at)])
    assert abs(sum(each.took_s for each in told) - (at - _AT).total_seconds()) < 1e-3
    assert all(abs(a.after_s + a.took_s - b.after_s) < 1e-3 for a, b in pairwise(told))
