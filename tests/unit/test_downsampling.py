"""Points of time: nothing measured is lost, counted twice, or made up."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.rules.downsampling import FIGURES, LEVELS, Point, downsampled, just_closed, level_for, spread, step_for

_GRAINS = st.sampled_from([10, 20, 60, 600, 1200])
_values = st.tuples(*(st.floats(0, 1e9) for _ in FIGURES))
_points = st.dictionaries(st.integers(0, 2000), st.tuples(st.floats(0.01, 10), _values), min_size=1, max_size=60).map(
    lambda found: [Point(number * 10, *each) for number, each in found.items()]
)


def _sums(points: list[Point]) -> list[float]:
    """Seconds, and each figure times its seconds: what must not change."""
    totals = [math.fsum(each.measured_s * (each.values[n] or 0.0) for each in points) for n in range(len(FIGURES))]
    return [math.fsum(each.measured_s for each in points), *totals]


def _same(some: list[float], others: list[float]) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in zip(some, others, strict=True))


@given(_points, _GRAINS)
def test_coarser_points_keep_the_time_and_the_means(points: list[Point], grain_s: int) -> None:
    assert _same(_sums(downsampled(points, grain_s)), _sums(points))


@given(_points)
def test_in_two_steps_it_comes_to_the_same_as_in_one(points: list[Point]) -> None:
    once, twice = downsampled(points, 600), downsampled(downsampled(points, 60), 600)
    assert [each.at_s for each in once] == [each.at_s for each in twice]
    assert all(_same(_sums([a]), _sums([b])) for a, b in zip(once, twice, strict=True))


@given(_points, _GRAINS)
def test_there_is_a_point_where_something_was_measured_and_nowhere_else(points: list[Point], grain_s: int) -> None:
    coarse = downsampled(points, grain_s)
    assert [each.at_s for each in coarse] == sorted({each.at_s // grain_s * grain_s for each in points})
    assert all(each.measured_s <= grain_s + 1e-6 for each in coarse)
    within = [each.values[0] or 0.0 for each in points]
    assert all(min(within) - 1e-3 <= (each.values[0] or 0.0) <= max(within) + 1e-3 for each in coarse)


@given(st.floats(0, 1e6), st.floats(0, 100), _values)
def test_a_sample_is_cut_at_the_bounds_and_no_second_of_it_goes(start_s: float, seconds: float, values) -> None:
    points = spread(start_s, start_s + seconds, values, 10)
    assert math.isclose(math.fsum(each.measured_s for each in points), seconds, abs_tol=1e-6)
    assert all(0 < each.measured_s <= 10 and each.at_s % 10 == 0 and each.values == values for each in points)
    assert len({each.at_s for each in points}) == len(points)


def test_what_is_not_known_of_one_stretch_is_the_mean_of_the_others() -> None:
    nothing: tuple[float | None, ...] = (None,) * len(FIGURES)
    some = tuple(float(number) for number in range(len(FIGURES)))
    (mean,) = downsampled([Point(0, 10, nothing), Point(10, 5, some)], 60)
    assert (mean.at_s, mean.measured_s, mean.values) == (0, 15, some)
    assert downsampled([Point(0, 10, nothing)] * 2, 60)[0].values == nothing


@given(st.floats(0, 1e6), st.floats(0.1, 5000))
def test_a_level_is_rolled_up_once_for_each_stretch_that_ends(before_s: float, later_s: float) -> None:
    closed = just_closed(before_s, before_s + later_s)
    for fine, coarse in pairwise(LEVELS):
        crossed = math.floor(before_s / coarse.grain_s) != math.floor((before_s + later_s) / coarse.grain_s)
        assert ((fine, coarse) in closed) is crossed


def test_grains_fit_into_each_other_and_reach_further_back() -> None:
    for fine, coarse in pairwise(LEVELS):
        assert coarse.grain_s % fine.grain_s == 0
        assert fine.kept_s >= 2 * coarse.grain_s
        assert coarse.kept_s > fine.kept_s


def test_the_finest_level_that_reaches_back_is_taken_and_points_are_as_few_as_asked() -> None:
    now_s = 1_000_000.0
    assert [level_for(now_s - hours * 3600, now_s).grain_s for hours in (1, 1.1, 24, 25, 24 * 7, 24 * 30)] == [
        10, 60, 60, 600, 600, 600,
    ]  # fmt: skip
    assert step_for(3600, 10, 360) == 10
    assert step_for(3600, 10, 100) == 40
    assert step_for(10, 10, 2000) == 10
