"""The table of what comes next, and what must hold for every wish and every sight."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rules.lifecycle import (
    WAITS_FOR_COPY,
    DesiredState,
    OffReason,
    Power,
    Seen,
    Status,
    Step,
    Wish,
    activity,
    backoff,
    next_step,
    shown_status,
)
from backend.rules.moves import Move, MoveWay

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AGO = NOW - timedelta(seconds=10)
GRACE = timedelta(seconds=90)
ON = Seen(defined=True, power=Power.ON, disk=True)
OFF = Seen(defined=True, power=Power.OFF, disk=True)
SHUT = replace(OFF, off_reason=OffReason.SHUT_DOWN)
PAUSED = replace(ON, power=Power.PAUSED)
KEPT = replace(OFF, saved=True)
NOTHING = Seen()
RUN, STOP = DesiredState.RUNNING, DesiredState.STOPPED
STOPS = MoveWay.STOP
BETWEEN = Wish(RUN, Status.RUNNING, has_disk=True, move=Move(2, MoveWay.LIVE, begun=True))

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
    (Wish(RUN, Status.PROVISIONING, has_disk=True, booted_at=AGO, rekeys=True), ON, Step.REKEY),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, booted_at=AGO, rekeys=True), OFF, Step.BOOT),
    (Wish(RUN, Status.PROVISIONING, restart_requested_at=NOW), ON, Step.POWER_OFF),
    # a fault waits for its time, or for a person
    (Wish(RUN, Status.ERROR, retry_at=NOW + timedelta(seconds=1)), OFF, None),
    (Wish(RUN, Status.ERROR, retry_at=AGO), OFF, Step.BOOT),
    (Wish(RUN, Status.ERROR), ON, None),
    (Wish(STOP, Status.ERROR), ON, Step.POWER_OFF),
    # a move with a stop: warned, asked off, copied; the row is the other node's then
    (Wish(RUN, Status.RUNNING, has_disk=True, move=Move(2)), ON, Step.MIGRATE),
    (Wish(RUN, Status.RUNNING, has_disk=True, move=Move(2, STOPS, after=NOW + GRACE)), ON, None),
    (Wish(RUN, Status.RUNNING, has_disk=True, move=Move(2, STOPS, after=AGO)), ON, Step.ASK_OFF),
    (Wish(RUN, Status.RUNNING, has_disk=True, stop_asked_at=AGO, move=Move(2, STOPS)), ON, Step.AWAIT_OFF),
    (Wish(RUN, Status.RUNNING, has_disk=True, stop_asked_at=NOW - GRACE, move=Move(2, STOPS)), ON, Step.POWER_OFF),
    (Wish(RUN, Status.RUNNING, has_disk=True, stop_asked_at=AGO, move=Move(2, STOPS)), SHUT, Step.COPY_DISK_AWAY),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, move=Move(2, STOPS, begun=True)), OFF, Step.COPY_DISK_AWAY),
    (Wish(STOP, Status.STOPPED, has_disk=True, move=Move(2)), OFF, Step.COPY_DISK_AWAY),
    (Wish(STOP, Status.RUNNING, has_disk=True, move=Move(2)), ON, Step.ASK_OFF),
    (Wish(RUN, Status.CREATED, move=Move(2)), NOTHING, Step.HAND_OVER),
    (Wish(RUN, Status.PROVISIONING, move=Move(2)), Seen(disk=True), Step.COPY_DISK_AWAY),
    # … which waits for the end of a boot, for what was done inside, for a lost disk's report
    (Wish(RUN, Status.PROVISIONING, has_disk=True, booted_at=AGO, move=Move(2)), ON, Step.AWAIT_GUEST),
    (Wish(RUN, Status.RUNNING, has_disk=True, move=Move(2)), SHUT, Step.NOTE_SHUT_DOWN_INSIDE),
    (Wish(RUN, Status.RUNNING, has_disk=True, move=Move(2)), Seen(defined=True), Step.REPORT_LOST_DISK),
    (Wish(RUN, Status.ERROR, has_disk=True, retry_at=NOW + GRACE, move=Move(2)), OFF, None),
    (Wish(RUN, Status.ERROR, has_disk=True, move=Move(2)), ON, Step.POWER_OFF),
    (Wish(STOP, Status.STOPPED, has_disk=True, delete_requested=True, move=Move(2)), OFF, Step.END_ATTEMPT),
    # sleep: kept while it runs, woken where it is kept, booted where that is forgotten
    (Wish(STOP, Status.RUNNING, has_disk=True, sleeps=True), ON, Step.SLEEP),
    (Wish(STOP, Status.RUNNING, has_disk=True, sleeps=True), KEPT, Step.NOTE_ASLEEP),
    (Wish(STOP, Status.RUNNING, has_disk=True, sleeps=True), SHUT, Step.NOTE_STOPPED),
    (Wish(STOP, Status.PROVISIONING, has_disk=True, sleeps=True), ON, Step.POWER_OFF),
    (Wish(STOP, Status.STOPPED, has_disk=True, sleeps=True, asleep=True), KEPT, None),
    (Wish(STOP, Status.STOPPED, has_disk=True, sleeps=True, asleep=True), OFF, Step.NOTE_STOPPED),
    (Wish(STOP, Status.STOPPED, has_disk=True), KEPT, Step.NOTE_ASLEEP),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, asleep=True), KEPT, Step.WAKE),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, asleep=True, disk_is_small=True), KEPT, Step.WAKE),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, asleep=True, forgets=True), KEPT, Step.FORGET_MEMORY),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, asleep=True, booted_at=AGO), ON, Step.AWAIT_GUEST),
    (Wish(RUN, Status.ERROR, has_disk=True, asleep=True), KEPT, None),
    (Wish(STOP, Status.PROVISIONING, has_disk=True, asleep=True, booted_at=AGO), ON, Step.AWAIT_GUEST),
    (Wish(RUN, Status.RUNNING, has_disk=True, booted_at=AGO), replace(ON, saved=True), Step.FORGET_MEMORY),
    # … and a move of what sleeps: woken, moved as it runs, put to sleep where it is then
    (Wish(STOP, Status.STOPPED, has_disk=True, sleeps=True, asleep=True, move=Move(2)), KEPT, Step.WAKE),
    (Wish(STOP, Status.PROVISIONING, has_disk=True, sleeps=True, asleep=True, move=Move(2)), ON, Step.AWAIT_GUEST),
    (Wish(STOP, Status.RUNNING, has_disk=True, sleeps=True, move=Move(2)), ON, Step.MIGRATE),
    (Wish(STOP, Status.RUNNING, has_disk=True, sleeps=True, move=Move(2, STOPS)), ON, Step.ASK_OFF),
    # a copy of another one's disk, before anything else; its original keeps still
    (Wish(STOP, Status.CREATED, copies=True), NOTHING, Step.COPY_DISK),
    (Wish(RUN, Status.CREATED, copies=True, copy_begun=True), NOTHING, Step.COPY_DISK),
    (Wish(STOP, Status.ERROR, copies=True), NOTHING, None),
    (Wish(STOP, Status.ERROR, copies=True, retry_at=AGO), NOTHING, Step.COPY_DISK),
    (Wish(STOP, Status.CREATED, copies=True, copy_begun=True, delete_requested=True), NOTHING, Step.END_COPY),
    (Wish(STOP, Status.CREATED, copies=True, delete_requested=True), NOTHING, Step.DROP_ROW),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, lent=True), OFF, None),
    (Wish(STOP, Status.STOPPED, has_disk=True, lent=True, delete_requested=True), Seen(disk=True), None),
    (Wish(RUN, Status.RUNNING, has_disk=True, lent=True, move=Move(2)), ON, None),
    (Wish(STOP, Status.RUNNING, has_disk=True, lent=True), ON, Step.ASK_OFF),
    # checkpoints: made while it runs and nothing else is to be done
    (Wish(RUN, Status.RUNNING, has_disk=True, checkpoints_due=True), ON, Step.CHECKPOINT),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, checkpoints_due=True), ON, Step.AWAIT_GUEST),
    (Wish(STOP, Status.STOPPED, has_disk=True, checkpoints_due=True), OFF, None),
    (Wish(RUN, Status.RUNNING, has_disk=True, checkpoints_due=True, lent=True), ON, None),
    # … and the way back to one: off at once, set back, and then whatever is wished
    (Wish(RUN, Status.PROVISIONING, has_disk=True, restores=True), ON, Step.POWER_OFF),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, restores=True), PAUSED, Step.POWER_OFF),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, restores=True), OFF, Step.RESTORE),
    (Wish(STOP, Status.STOPPED, has_disk=True, restores=True), OFF, Step.RESTORE),
    (Wish(RUN, Status.RUNNING, has_disk=True, restores=True), SHUT, Step.RESTORE),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, restores=True, lent=True), ON, Step.AWAIT_GUEST),
    (Wish(RUN, Status.ERROR, has_disk=True, restores=True), OFF, Step.RESTORE),
    (Wish(RUN, Status.PROVISIONING, has_disk=True, restores=True, delete_requested=True), ON, Step.POWER_OFF),
    # a deletion: domain, disk, row
    (Wish(RUN, Status.RUNNING, delete_requested=True), ON, Step.POWER_OFF),
    (Wish(RUN, Status.RUNNING, delete_requested=True), OFF, Step.UNDEFINE),
    (Wish(STOP, Status.STOPPED, delete_requested=True), Seen(disk=True), Step.DELETE_DISK),
    (Wish(STOP, Status.ERROR, delete_requested=True), NOTHING, Step.DROP_ROW),
]


@pytest.mark.parametrize(("wish", "seen", "step"), TABLE)
def test_the_table(wish: Wish, seen: Seen, step: Step | None) -> None:
    assert next_step(wish, seen, at=NOW, stop_grace=GRACE) is step


BOTH = [
    # what is running here has not left, whatever is there
    (ON, None, Step.END_ATTEMPT),
    (ON, NOTHING, Step.END_ATTEMPT),
    (ON, PAUSED, Step.END_ATTEMPT),
    # it has: it is there, or was and is to be booted there, from the disk it wrote last
    (Seen(disk=True), ON, Step.HAND_OVER),
    (OFF, ON, Step.HAND_OVER),
    (PAUSED, ON, Step.HAND_OVER),
    (Seen(disk=True), OFF, Step.HAND_OVER),
    # it never came: here is all there is
    (OFF, NOTHING, Step.END_ATTEMPT),
    (PAUSED, NOTHING, Step.END_ATTEMPT),
    # nobody can say yet
    (OFF, None, Step.AWAIT_OTHER_NODE),
    (PAUSED, None, Step.AWAIT_OTHER_NODE),
    (PAUSED, PAUSED, Step.AWAIT_OTHER_NODE),
]


@pytest.mark.parametrize(("here", "there", "step"), BOTH)
@pytest.mark.parametrize("change", [{}, {"delete_requested": True}, {"desired": STOP}, {"retry_at": NOW + GRACE}])
def test_where_a_machine_is_after_a_migration_broke_off(
    here: Seen, there: Seen | None, step: Step, change: dict[str, object]
) -> None:
    for lent in (False, True):
        wish = replace(BETWEEN, lent=lent, **change)
        assert next_step(wish, here, at=NOW, stop_grace=GRACE, there=there) is step


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
    move=st.none()
    | st.builds(Move, to_node_id=st.just(2), way=st.sampled_from(MoveWay), begun=st.booleans(), after=moments),
    **{name: st.booleans() for name in ("sleeps", "asleep", "forgets", "copies", "copy_begun", "lent")},
)
sights = st.builds(
    Seen,
    defined=st.booleans(),
    power=st.sampled_from(Power),
    off_reason=st.sampled_from(OffReason),
    disk=st.booleans(),
    saved=st.booleans(),
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


@given(wishes, sights, st.none() | sights)
def test_nothing_boots_here_while_it_may_run_there(wish: Wish, seen: Seen, there: Seen | None) -> None:
    step = next_step(wish, seen, at=NOW, stop_grace=GRACE, there=there)
    if wish.move is not None and wish.move.is_between:
        assert step in (Step.END_ATTEMPT, Step.HAND_OVER, Step.AWAIT_OTHER_NODE)
    if step is Step.HAND_OVER:
        assert seen.power is not Power.ON


@given(wishes, sights)
def test_only_a_disk_that_nothing_writes_to_is_copied(wish: Wish, seen: Seen) -> None:
    if next_step(wish, seen, at=NOW, stop_grace=GRACE) is Step.COPY_DISK_AWAY:
        assert seen.power is Power.OFF
        assert seen.disk
        assert not wish.delete_requested


@given(wishes, sights)
def test_nothing_boots_that_is_on_or_unwanted(wish: Wish, seen: Seen) -> None:
    if next_step(wish, seen, at=NOW, stop_grace=GRACE) is Step.BOOT:
        assert seen.power is Power.OFF
        assert wish.desired is RUN
        assert not wish.delete_requested


@given(wishes, st.booleans())
def test_a_deletion_always_comes_to_its_end(wish: Wish, disk: bool) -> None:
    wish = replace(wish, delete_requested=True, retry_at=None, move=None, copy_begun=False, lent=False)
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
def test_memory_that_is_kept_is_only_forgotten_when_told_or_too_old(wish: Wish, seen: Seen) -> None:
    step = next_step(wish, seen, at=NOW, stop_grace=GRACE)
    if seen.saved and seen.power is Power.OFF and not wish.delete_requested:
        assert step not in (Step.BOOT, Step.GROW_DISK, Step.COPY_DISK_AWAY, Step.MAKE_DISK)
    if step is Step.FORGET_MEMORY:
        assert wish.forgets or seen.power is Power.ON


@given(wishes, sights)
def test_what_is_to_sleep_does_not_have_its_power_cut(wish: Wish, seen: Seen) -> None:
    wish = replace(wish, desired=STOP, status=Status.RUNNING, sleeps=True, delete_requested=False, move=None)
    assert next_step(wish, seen, at=NOW, stop_grace=GRACE) is not Step.POWER_OFF


@given(wishes, sights, st.none() | sights)
def test_nothing_touches_a_disk_that_is_being_copied(wish: Wish, seen: Seen, there: Seen | None) -> None:
    step = next_step(replace(wish, lent=True), seen, at=NOW, stop_grace=GRACE, there=there)
    assert step not in WAITS_FOR_COPY


@given(wishes, sights)
def test_after_a_failure_nothing_is_tried_before_its_time(wish: Wish, seen: Seen) -> None:
    wish = replace(wish, retry_at=NOW + timedelta(seconds=1))
    if wish.move is None or not wish.move.is_between:
        assert next_step(wish, seen, at=NOW, stop_grace=GRACE) is None


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


def test_what_is_being_copied_is_shown_as_moving_and_what_moves_as_it_runs_as_running() -> None:
    assert activity("provisioning", "running", "moving", deleting=False, restarting=False) == "moving"
    assert activity("stopped", "stopped", "moving", deleting=False, restarting=False) == "moving"
    assert activity("running", "running", "moving", deleting=False, restarting=False) == "running"
