"""What to do next for one container, from what is wished and what was seen.

The reconciler asks again and again (level-based), so each answer is one small step that is safe to repeat.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backend.rules.moves import Move, MoveWay


class DesiredState(StrEnum):
    """What the owner wants."""

    RUNNING = "running"
    STOPPED = "stopped"


class Status(StrEnum):
    """What was last seen. `unknown` is not among them: it is how a container of an unreachable node is shown."""

    CREATED = "created"
    PROVISIONING = "provisioning"
    RUNNING = "running"
    STOPPED = "stopped"
    ERROR = "error"


class Phase(StrEnum):
    """What is going on right now, for the person who waits."""

    NONE = ""
    PLACING = "placing"
    DISK = "disk"
    BOOTING = "booting"
    GUEST = "guest"
    STOPPING = "stopping"
    DELETING = "deleting"
    MOVING = "moving"
    COPYING = "copying"


class Power(StrEnum):
    """The state of a domain."""

    ON = "on"
    OFF = "off"
    PAUSED = "paused"


class OffReason(StrEnum):
    """Why a domain is off, as far as the hypervisor still knows."""

    SHUT_DOWN = "shut-down"  # the guest did it
    CRASHED = "crashed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a container's machine."""

    defined: bool = False
    power: Power = Power.OFF
    off_reason: OffReason = OffReason.UNKNOWN
    disk: bool = False
    saved: bool = False
    """What it had in memory is kept: it can go on from there. Of one that runs, it is from another time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a container's row says."""

    desired: DesiredState
    status: Status
    has_disk: bool = False
    delete_requested: bool = False
    restart_requested_at: datetime | None = None
    booted_at: datetime | None = None
    stop_asked_at: datetime | None = None
    retry_at: datetime | None = None
    disk_is_small: bool = False
    """The disk on the node is not known to be as large as the row says."""
    move: Move | None = None
    sleeps: bool = False
    """To be stopped with its memory kept."""
    asleep: bool = False
    """Its memory was kept when it was last seen off, and its guest has not answered since."""
    forgets: bool = False
    """Its next start is to be a boot, whatever was kept."""
    copies: bool = False
    """Its disk is to be a copy, and is not there yet."""
    copy_begun: bool = False
    lent: bool = False
    """Its own disk is being copied."""
    restores: bool = False
    """Its disk is to be set back to a checkpoint before anything else is done with it."""
    checkpoints_due: bool = False
    """There are checkpoints to be made, or to be forgotten."""
    rekeys: bool = False
    """It was kept warm, has an owner now, and is still who it was."""


class Step(StrEnum):
    """One thing to do."""

    MAKE_DISK = "make-disk"
    GROW_DISK = "grow-disk"
    BOOT = "boot"
    AWAIT_GUEST = "await-guest"
    REKEY = "rekey"
    REPORT_LOST_DISK = "report-lost-disk"
    ASK_OFF = "ask-off"
    AWAIT_OFF = "await-off"
    POWER_OFF = "power-off"
    UNDEFINE = "undefine"
    DELETE_DISK = "delete-disk"
    DROP_ROW = "drop-row"
    RESUME = "resume"
    NOTE_STOPPED = "note-stopped"
    NOTE_SHUT_DOWN_INSIDE = "note-shut-down-inside"
    MIGRATE = "migrate"
    COPY_DISK_AWAY = "copy-disk-away"
    HAND_OVER = "hand-over"
    END_ATTEMPT = "end-attempt"
    AWAIT_OTHER_NODE = "await-other-node"
    SLEEP = "sleep"
    NOTE_ASLEEP = "note-asleep"
    WAKE = "wake"
    FORGET_MEMORY = "forget-memory"
    COPY_DISK = "copy-disk"
    END_COPY = "end-copy"
    CHECKPOINT = "checkpoint"
    RESTORE = "restore"


WAITS_FOR_COPY = frozenset(
    {
        Step.GROW_DISK,
        Step.BOOT,
        Step.WAKE,
        Step.SLEEP,
        Step.MIGRATE,
        Step.COPY_DISK_AWAY,
        Step.UNDEFINE,
        Step.DELETE_DISK,
        Step.DROP_ROW,
        Step.CHECKPOINT,
        Step.RESTORE,
    }
)
"""What is not begun while the disk is being copied: it would spoil the copy, or be spoilt by it."""


def next_step(wish: Wish, seen: Seen, *, at: datetime, stop_grace: timedelta, there: Seen | None = None) -> Step | None:
    """Decide the one next thing to do, or None when the container is as wished (or must be left alone for now).

    Args:
        stop_grace: how long a guest may take to shut down before its power is cut.
        there: a look at the node it is moving to; needed, and awaited, while it may be on either.
    """
    step = _decided(wish, seen, at, stop_grace, there)
    return None if wish.lent and step in WAITS_FOR_COPY else step


def _decided(wish: Wish, seen: Seen, at: datetime, stop_grace: timedelta, there: Seen | None) -> Step | None:
    if wish.move is not None and wish.move.is_between:
        return where_it_is(seen, there)
    if wish.retry_at is not None and at < wish.retry_at:
        return None
    if wish.delete_requested:
        if wish.copy_begun:
            return Step.END_COPY
        return Step.END_ATTEMPT if wish.move else _towards_gone(seen)
    if wish.copies:
        return None if wish.status is Status.ERROR and wish.retry_at is None else Step.COPY_DISK
    if wish.restores and not wish.lent:
        return _towards_restored(seen)
    if seen.saved and seen.power is Power.ON and wish.status is Status.RUNNING and not wish.sleeps:
        return Step.FORGET_MEMORY  # its disk has gone on since: waking from that would ruin it
    if wish.move is not None and (step := _towards_elsewhere(wish, wish.move, seen, at, stop_grace)):
        return step
    if wish.desired is DesiredState.STOPPED:
        return _towards_sleep(wish, seen) or _towards_off(wish, seen, at, stop_grace) or _noted_off(wish, seen)
    return _towards_on(wish, seen, at, stop_grace) or _checkpoint_due(wish, seen)


def _towards_restored(seen: Seen) -> Step:
    """Its power is cut: what it would still write on its way down is not to stay. The same holds for its memory."""
    if seen.power is not Power.OFF:
        return Step.POWER_OFF
    return Step.FORGET_MEMORY if seen.saved else Step.RESTORE


def _checkpoint_due(wish: Wish, seen: Seen) -> Step | None:
    is_up = wish.status is Status.RUNNING and seen.power is Power.ON
    return Step.CHECKPOINT if wish.checkpoints_due and is_up else None


def _towards_gone(seen: Seen) -> Step:
    """Domain, then disk, then row: whatever was done before a crash is simply not there any more."""
    if seen.power is not Power.OFF:
        return Step.POWER_OFF
    if seen.defined:
        return Step.UNDEFINE
    return Step.DELETE_DISK if seen.disk else Step.DROP_ROW


def where_it_is(here: Seen, there: Seen | None) -> Step:
    """A live migration was begun and its end not noted. The machine has left once it does not run here any more and
    is there: what was never whole there is gone from there as soon as nobody migrates it.
    """
    if here.power is Power.ON:
        return Step.END_ATTEMPT
    if there is None:
        return Step.AWAIT_OTHER_NODE
    if there.power is Power.ON or (there.defined and here.power is Power.OFF):
        return Step.HAND_OVER
    return Step.AWAIT_OTHER_NODE if there.defined else Step.END_ATTEMPT


def _towards_elsewhere(wish: Wish, move: Move, seen: Seen, at: datetime, stop_grace: timedelta) -> Step | None:
    """None where the move has to wait: for a boot to end, for people who were told, for what the owner wants first."""
    if move.after is not None and at < move.after:
        return None
    if seen.power is Power.OFF:
        if not seen.disk:
            return None if wish.has_disk else Step.HAND_OVER  # a lost disk is reported, not moved
        if seen.saved:
            return _towards_awake(wish)  # memory does not travel with a disk: it moves as it runs, and sleeps there
        was_off_by_itself = wish.stop_asked_at is None and _was_shut_down_inside(wish, seen)
        return None if was_off_by_itself else Step.COPY_DISK_AWAY
    stays_up = wish.desired is DesiredState.RUNNING or (wish.sleeps and wish.status is Status.RUNNING)
    if not stays_up or wish.status is Status.PROVISIONING:
        return None
    if wish.status is Status.RUNNING and seen.power is Power.ON and move.way is MoveWay.OPEN:
        return Step.MIGRATE
    return _towards_off(wish, seen, at, stop_grace)


def _towards_sleep(wish: Wish, seen: Seen) -> Step | None:
    """None where there is nothing to keep: it is off, or never came up."""
    has_memory = wish.status is Status.RUNNING or (wish.status is Status.ERROR and wish.asleep)
    return Step.SLEEP if wish.sleeps and has_memory and seen.power is not Power.OFF else None


def _noted_off(wish: Wish, seen: Seen) -> Step | None:
    if wish.status in (Status.STOPPED, Status.CREATED) and wish.asleep == seen.saved:
        return None
    return Step.NOTE_ASLEEP if seen.saved else Step.NOTE_STOPPED


def _towards_awake(wish: Wish) -> Step:
    return Step.FORGET_MEMORY if wish.forgets else Step.WAKE


def _towards_off(wish: Wish, seen: Seen, at: datetime, stop_grace: timedelta) -> Step | None:
    if seen.power is Power.OFF:
        return None
    if wish.asleep and wish.status is Status.PROVISIONING:  # just woken: it is up, with all that was in its memory
        return Step.RESUME if seen.power is Power.PAUSED else Step.AWAIT_GUEST
    if seen.power is Power.PAUSED or wish.status is not Status.RUNNING:
        return Step.POWER_OFF  # paused, or not up yet: it could not hear the request
    if wish.stop_asked_at is None:
        return Step.ASK_OFF
    return Step.POWER_OFF if at - wish.stop_asked_at >= stop_grace else Step.AWAIT_OFF


def _towards_on(wish: Wish, seen: Seen, at: datetime, stop_grace: timedelta) -> Step | None:
    if wish.status is Status.ERROR and wish.retry_at is None:
        return None
    if is_restart_due(wish.restart_requested_at, wish.booted_at) and seen.power is not Power.OFF:
        return _towards_off(wish, seen, at, stop_grace)
    if seen.power is Power.OFF:
        return _towards_boot(wish, seen)
    if seen.power is Power.PAUSED:
        return Step.RESUME
    if wish.rekeys:
        return Step.REKEY
    return None if wish.status is Status.RUNNING else Step.AWAIT_GUEST


def _towards_boot(wish: Wish, seen: Seen) -> Step:
    if _was_shut_down_inside(wish, seen):
        return Step.NOTE_SHUT_DOWN_INSIDE
    if seen.saved:
        return _towards_awake(wish)
    if seen.disk:
        return Step.GROW_DISK if wish.disk_is_small else Step.BOOT
    return Step.REPORT_LOST_DISK if wish.has_disk else Step.MAKE_DISK


def _was_shut_down_inside(wish: Wish, seen: Seen) -> bool:
    is_running = wish.desired is DesiredState.RUNNING and wish.status is Status.RUNNING
    is_restarting = is_restart_due(wish.restart_requested_at, wish.booted_at)
    return is_running and seen.off_reason is OffReason.SHUT_DOWN and not is_restarting


def is_restart_due(requested_at: datetime | None, booted_at: datetime | None) -> bool:
    """A restart was asked for after the last boot."""
    return requested_at is not None and (booted_at is None or booted_at <= requested_at)


def backoff(failures: int) -> timedelta:
    """How long to wait after the n-th failure in a row: 2 s doubling up to 5 minutes."""
    return timedelta(seconds=min(300.0, 2.0 * 2 ** max(0, min(failures, 12) - 1)))


def activity(shown: str, desired: str, phase: str, *, deleting: bool, restarting: bool) -> str:
    """One word for what goes on, from what is wished and what was seen. `shown` is shown_status's."""
    if deleting:
        return "deleting"
    if shown in ("unknown", Status.ERROR):
        return shown
    if phase == Phase.COPYING:
        return "copying"
    if phase == Phase.MOVING and shown != Status.RUNNING:
        return "moving"
    if desired == DesiredState.STOPPED:
        return "stopped" if shown in (Status.STOPPED, Status.CREATED) else "stopping"
    if restarting and phase not in (Phase.BOOTING, Phase.GUEST):
        return "restarting"
    return "running" if shown == Status.RUNNING and not restarting else "starting"


def shown_status(status: Status, *, node_healthy: bool) -> str:
    """The status for people: what runs on a node that does not answer is `unknown`, never an error."""
    return str(status) if node_healthy or status is Status.CREATED else "unknown"
