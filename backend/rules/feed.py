"""What happens to a person's containers and runs, in the words of the stream that programs read. Pure."""

from enum import StrEnum

from backend.rules.lifecycle import Step
from backend.rules.one_shots import RunStatus


class FeedKind(StrEnum):
    """Everything that the stream tells of."""

    CONTAINER_CREATED = "container.created"
    CONTAINER_STARTING = "container.starting"
    CONTAINER_RUNNING = "container.running"
    CONTAINER_STOPPING = "container.stopping"
    CONTAINER_STOPPED = "container.stopped"
    CONTAINER_FAILED = "container.failed"
    CONTAINER_DELETING = "container.deleting"
    CONTAINER_DELETED = "container.deleted"
    RUN_PENDING = "run.pending"
    RUN_RUNNING = "run.running"
    RUN_SUCCEEDED = "run.succeeded"
    RUN_FAILED = "run.failed"
    RUN_TIMED_OUT = "run.timed_out"


_OF_MACHINE: dict[str, FeedKind] = {
    Step.BOOT: FeedKind.CONTAINER_STARTING,
    Step.WAKE: FeedKind.CONTAINER_STARTING,
    Step.ASK_OFF: FeedKind.CONTAINER_STOPPING,
    Step.SLEEP: FeedKind.CONTAINER_STOPPING,
    Step.NOTE_STOPPED: FeedKind.CONTAINER_STOPPED,
    Step.NOTE_SHUT_DOWN_INSIDE: FeedKind.CONTAINER_STOPPED,
    Step.NOTE_ASLEEP: FeedKind.CONTAINER_STOPPED,
    "running": FeedKind.CONTAINER_RUNNING,
    "failed": FeedKind.CONTAINER_FAILED,
}


def kind_of_history(kind: str) -> FeedKind | None:
    """What the stream says of something in a container's history; None: nothing."""
    return _OF_MACHINE.get(kind)


def kind_of_run(status: RunStatus) -> FeedKind:
    """What it says of a run that has become so."""
    return FeedKind(f"run.{status.value}")
