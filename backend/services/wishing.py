"""Wishes that several use cases write: that a container start, be off, or be gone. Its row is locked."""

from datetime import datetime

from backend.db import Tx
from backend.models import Container, DesiredState, Phase, Status
from backend.models.base import now
from backend.rules.feed import FeedKind
from backend.services import feed
from backend.services.targets import announce_change


def begin_start(container: Container) -> None:
    """Forget what came of the last start: another one begins."""
    container.phase, container.phases = Phase.PLACING, [[Phase.PLACING.value, now().isoformat()]]
    container.status_reason, container.failures, container.retry_at = "", 0, None
    container.booted_at = container.stop_asked_at = None
    if container.status is not Status.CREATED:
        container.status = Status.PROVISIONING


def wish_off(tx: Tx, container: Container) -> None:
    """Have it shut down, and neither restarted nor tried again."""
    if container.desired_state is not DesiredState.STOPPED:
        container.sleeps = False  # what sleeps already sleeps on: nobody has said that its memory may be lost
    container.desired_state = DesiredState.STOPPED
    container.restart_requested_at = container.retry_at = None
    announce_change(tx, container)


def wish_gone(tx: Tx, container: Container, at: datetime) -> None:
    """Have it deleted, with its disk. There is no way back."""
    container.delete_requested_at, container.retry_at, container.phase = at, None, Phase.DELETING
    feed.tell_of_container(tx, container, FeedKind.CONTAINER_DELETING)
    announce_change(tx, container)
