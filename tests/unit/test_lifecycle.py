"""The table of what comes next, and what must hold for every wish and every sight."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rules.lifecycle import (
    DesiredState,
    OffReason,
    Power,
    Seen,
    Status,
    Step,
    Wish,
    backoff,
    next_step,
    shown_status,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AGO = NOW - timedelta(seconds=10)
GRACE = timedelta(seconds=90)
ON = Seen(defined=True, power=Power.ON, disk=True)
OFF = Seen(defined=True, power=Power.OFF, disk=True)
SHUT = replace(OFF, off_reason=OffReason.SHUT_DOWN)
PAUSED = replace(ON, power=Power.PAUSED)
NOTHING = Seen()
RUN, STOP = DesiredState.RUNNING, DesiredState.STOPPED

TABLE = [
    # a start, from nothing to a shell
    (Wish(RUN, Status.CREATED), NOTHING, Step.MAKE_DISK),
    (Wish(RUN, Status.PROVISIONING), Seen(disk=True), Step.BOOT),
    (Wish(RUN, Status.PROVISIONING, has_disk=True), OFF, Step.BOOT),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, disk_is_small=True), OFF, Step.GROW_DISK),
    (Wish(RUN, Status.RUNNING, has_disk=True, booted_at=AGO, disk_is_small=True), ON, None),
    (Wish(STOP, Status.STOPPED, has_disk=True, disk_is_small=True), OFF, None),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, booted_at=AGO), ON, Step.AWAIT_GUEST),
    (Wish(RUN, Status.RUNNING, has_disk=True, booted_at=AGO), ON, None),
    # it went off by itself
    (Wish(RUN, Status.RUNNING, has_disk=True, booted_at=AGO), SHUT, Step.NOTE_SHUT_DOWN_INSIDE),
    (Wish(RUN, Status.RUNNING, has_disk=True, booted_at=AGO), OFF, Step.BOOT),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, booted_at=AGO), SHUT, Step.BOOT),
    (Wish(RUN, Status.RUNNING, has_disk=True), Seen(defined=True), Step.REPORT_LOST_DISK),
    (Wish(RUN, Status.RUNNING, has_disk=True, booted_at=AGO), PAUSED, Step.RESUME),
    # a stop: ask, wait, cut
    (Wish(STOP, Status.RUNNING, has_disk=True), ON, Step.ASK_OFF),
    (Wish(STOP, Status.RUNNING, has_disk=True, stop_asked_at=AGO), ON, Step.AWAIT_OFF),
    (Wish(STOP, Status.RUNNING, has_disk=True, stop_asked_at=NOW - GRACE), ON, Step.POWER_OFF),
    (Wish(STOP, Status.PROVISIONING, has_disk=True), ON, Step.POWER_OFF),
    (Wish(STOP, Status.RUNNING, has_disk=True), PAUSED, Step.POWER_OFF),
    (Wish(STOP, Status.RUNNING, has_disk=True, stop_asked_at=AGO), SHUT, Step.NOTE_STOPPED),
    (Wish(STOP, Status.STOPPED, has_disk=True), OFF, None),
    (Wish(STOP, Status.STOPPED, has_disk=True), ON, Step.POWER_OFF),
    # a restart
    (Wish(RUN, Status.RUNNING, restart_requested_at=NOW, booted_at=AGO), ON, Step.ASK_OFF),
    (Wish(RUN, Status.RUNNING, restart_requested_at=NOW, booted_at=AGO, stop_asked_at=AGO), SHUT, Step.BOOT),
    (Wish(RUN, Status.PROVISIONING, restart_requested_at=AGO, booted_at=NOW), ON, Step.AWAIT_GUEST),
    (Wish(RUN, Status.PROVISIONING, restart_requested_at=NOW), ON, Step.POWER_OFF),
    # a fault waits for its time, or for a person
    (Wish(RUN, Status.ERROR, retry_at=NOW + timedelta(seconds=1)), OFF, None),
    (Wish(RUN, Status.ERROR, retry_at=AGO), OFF, Step.BOOT),
    (Wish(RUN, Status.ERROR), ON, None),
    (Wish(STOP, Status.ERROR), ON, Step.POWER_OFF),
    # a deletion: domain, disk, row
    (Wish(RUN, Status.RUNNING, delete_requested=True), ON, Step.POWER_OFF),
    (Wish(RUN, Status.RUNNING, delete_requested=True), OFF, Step.UNDEFINE),
    (Wish(STOP, Status.STOPPED, delete_requested=True), Seen(disk=True), Step.DELETE_DISK),
    (Wish(STOP, Status.ERROR, delete_requested=True), NOTHING, Step.DROP_ROW),
]


@pytest.mark.parametrize(("wish", "seen", "step"), TABLE)
def test_the_table(wish: Wish, seen: Seen, step: Step | None) -> None:
    assert next_step(wish, seen, at=NOW, stop_grace=GRACE) is step


moments = st.none() | st.integers(-300, 300).map(lambda s: NOW + timedelta(seconds=s))
wishes = st.builds(
    Wish,
    desired=st.sampled_from(DesiredState),
    status=st.sampled_from(Status),
    has_disk=st.booleans(),
    delete_requested=st.booleans(),
    restart_requested_at=moments,
    booted_at=moments,
    stop_asked_at=moments,
    retry_at=moments,
    disk_is_small=st.booleans(),
)
sights = st.builds(
    Seen,
    defined=st.booleans(),
    power=st.sampled_from(Power),
    off_reason=st.sampled_from(OffReason),
    disk=st.booleans(),
)
_DESTROYS = {Step.UNDEFINE, Step.DELETE_DISK, Step.DROP_ROW}


@given(wishes, sights)
def test_only_a_deletion_destroys_and_only_what_is_off(wish: Wish, seen: Seen) -> None:
    step = next_step(wish, seen, at=NOW, stop_grace=GRACE)
    if step in _DESTROYS:
        assert wish.delete_requested
        assert seen.power is Power.OFF


@given(wishes, sights)
def test_a_disk_that_is_lost_is_never_replaced_by_an_empty_one(wish: Wish, seen: Seen) -> None:
    if next_step(wish, seen, at=NOW, stop_grace=GRACE) is Step.MAKE_DISK:
        assert not wish.has_disk
        assert not seen.disk


@given(wishes, sights)
def test_nothing_boots_that_is_on_or_unwanted(wish: Wish, seen: Seen) -> None:
    if next_step(wish, seen, at=NOW, stop_grace=GRACE) is Step.BOOT:
        assert seen.power is Power.OFF
        assert wish.desired is RUN
        assert not wish.delete_requested


@given(wishes, st.booleans())
def test_a_deletion_always_comes_to_its_end(wish: Wish, disk: bool) -> None:
    wish = replace(wish, delete_requested=True, retry_at=None)
    seen = Seen(defined=True, power=Power.ON, disk=disk)
    steps = []
    for _ in range(5):
        step = next_step(wish, seen, at=NOW, stop_grace=GRACE)
        steps.append(step)
        match step:
            case Step.POWER_OFF:
                seen = replace(seen, power=Power.OFF)
            case Step.UNDEFINE:
                seen = replace(seen, defined=False)
            case Step.DELETE_DISK:
                seen = replace(seen, disk=False)
            case _:
                break
    assert steps[-1] is Step.DROP_ROW


@given(wishes, sights)
def test_after_a_failure_nothing_is_tried_before_its_time(wish: Wish, seen: Seen) -> None:
    assert next_step(replace(wish, retry_at=NOW + timedelta(seconds=1)), seen, at=NOW, stop_grace=GRACE) is None


@given(st.integers(0, 100))
def test_backoff_grows_and_is_bounded(failures: int) -> None:
    assert timedelta(seconds=2) <= backoff(failures) <= backoff(failures + 1) <= timedelta(minutes=5)


def test_what_runs_on_a_silent_node_is_unknown_and_never_an_error() -> None:
    assert shown_status(Status.RUNNING, node_healthy=False) == "unknown"
    assert shown_status(Status.RUNNING, node_healthy=True) == "running"


@given(wishes, sights)
def test_a_disk_grows_only_while_its_machine_is_off_and_before_it_boots(wish: Wish, seen: Seen) -> None:
    step = next_step(wish, seen, at=NOW, stop_grace=GRACE)
    if step is Step.GROW_DISK:
        assert seen.power is Power.OFF
        assert seen.disk
    assert not (step is Step.BOOT and wish.disk_is_small)
