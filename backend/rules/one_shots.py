"""One-shot runs: a command in a throwaway machine. What may be asked, and what its end is called. Pure."""

from enum import StrEnum

from backend.errors import Forbidden, Invalid, NoRoom, PequerokuError, QuotaExceeded, QuotaFull, TypeNotAllowed

FOLDER = "/app"
"""Where its files are put, and where it runs."""
BOOT_WITHIN_S = 300
"""Its machine is given up if it does not run so long after it was made."""
LONGEST_OUTPUT = 256 * 1024
"""Bytes of each stream that are kept."""
MOST_UNFINISHED = 100
MOST_KEPT = 1000
"""Of those that are over, for each person."""
"""Of one person."""


class RunStatus(StrEnum):
    """How far a run is. The last three are ends."""

    PENDING = "pending"  # its machine is made, or boots
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


UNFINISHED = frozenset({RunStatus.PENDING, RunStatus.RUNNING})


class RunFault(StrEnum):
    """Why a run failed, where that was not its command's doing."""

    NO_CAPACITY = "no_capacity"
    QUOTA_EXCEEDED = "quota_exceeded"
    TYPE_NOT_ALLOWED = "type_not_allowed"
    FORBIDDEN = "forbidden"
    FILES_REFUSED = "files_refused"
    BOOT_FAILED = "boot_failed"
    TIMED_OUT = "timed_out"
    MACHINE_LOST = "machine_lost"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    INTERNAL_ERROR = "internal_error"


_FAULTS: tuple[tuple[type[PequerokuError], RunFault], ...] = (
    (QuotaExceeded, RunFault.QUOTA_EXCEEDED),
    (QuotaFull, RunFault.QUOTA_EXCEEDED),
    (TypeNotAllowed, RunFault.TYPE_NOT_ALLOWED),
    (NoRoom, RunFault.NO_CAPACITY),
    (Forbidden, RunFault.FORBIDDEN),
    (Invalid, RunFault.TYPE_NOT_ALLOWED),  # the type is gone
)


def fault_of(refusal: PequerokuError) -> RunFault:
    """Why no machine was made for it."""
    return next((fault for kind, fault in _FAULTS if isinstance(refusal, kind)), RunFault.INTERNAL_ERROR)


def outcome(exit_code: int | None, *, timed_out: bool) -> tuple[RunStatus, RunFault | None]:
    """What the end of its command makes of a run: whatever does not exit with 0 has failed."""
    if timed_out:
        return RunStatus.TIMED_OUT, RunFault.TIMED_OUT
    if exit_code is None:
        return RunStatus.FAILED, RunFault.MACHINE_LOST
    return (RunStatus.SUCCEEDED if exit_code == 0 else RunStatus.FAILED), None


def answered_within_s(timeout_s: int) -> int:
    """So long at most is somebody kept waiting for a run."""
    return BOOT_WITHIN_S + timeout_s + 10


def lifetime_s(timeout_s: int) -> int:
    """How long its machine may be there at most: what nobody removed by then is removed as any that has expired."""
    return BOOT_WITHIN_S + timeout_s + 600
