"""What the end of a command, or a refusal, makes of a one-shot run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import Conflict, Forbidden, NoRoom, PequerokuError, QuotaExceeded, QuotaFull, TypeNotAllowed
from backend.rules.feed import FeedKind, kind_of_history, kind_of_run
from backend.rules.lifecycle import Step
from backend.rules.one_shots import BOOT_WITHIN_S, UNFINISHED, RunFault, RunStatus, fault_of, lifetime_s, outcome


@given(st.none() | st.integers(0, 255), st.booleans())
def test_only_a_command_that_exits_with_zero_in_time_has_succeeded(exit_code: int | None, timed_out: bool) -> None:
    status, fault = outcome(exit_code, timed_out=timed_out)
    assert (status is RunStatus.SUCCEEDED) == (exit_code == 0 and not timed_out)
    assert (status is RunStatus.TIMED_OUT) == timed_out
    assert status not in UNFINISHED
    is_its_own_doing = exit_code is not None and not timed_out
    assert (fault is None) == is_its_own_doing


@pytest.mark.parametrize(
    ("refusal", "fault"),
    [
        (QuotaExceeded(used=1, asked=1, limit=1), RunFault.QUOTA_EXCEEDED),
        (QuotaFull(kept=1, limit=1), RunFault.QUOTA_EXCEEDED),
        (NoRoom("full", full=True), RunFault.NO_CAPACITY),
        (TypeNotAllowed("a"), RunFault.TYPE_NOT_ALLOWED),
        (Forbidden(), RunFault.FORBIDDEN),
        (Conflict("else"), RunFault.INTERNAL_ERROR),
    ],
)
def test_a_refusal_has_a_word_for_programs(refusal: PequerokuError, fault: RunFault) -> None:
    assert fault_of(refusal) is fault


@given(st.integers(1, 600))
def test_a_machine_lives_longer_than_its_run_can_take(timeout_s: int) -> None:
    assert lifetime_s(timeout_s) > BOOT_WITHIN_S + timeout_s


def test_the_stream_has_a_word_for_every_state_of_a_run_and_the_steps_that_matter() -> None:
    assert {kind_of_run(each) for each in RunStatus} == {each for each in FeedKind if each.startswith("run.")}
    assert kind_of_history(Step.BOOT) is FeedKind.CONTAINER_STARTING
    assert kind_of_history(Step.GROW_DISK) is None
