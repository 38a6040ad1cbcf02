"""Wishes that several use cases write: that a container be off, and that it be gone. Its row is locked."""

from datetime import datetime

from backend.db import Tx
from backend.models import Container, DesiredState, Phase
from backend.services.targets import announce_change


def wish_off(tx: Tx, container: Container) -> None:
    """Have it shut down, and neither restarted nor tried again."""
    container.desired_state = DesiredState.STOPPED
    container.restart_requested_at = container.retry_at = None
    announce_change(tx, container)


def wish_gone(tx: Tx, container: Container, at: datetime) -> None:
    """Have it deleted, with its disk. There is no way back."""
    container.delete_requested_at, container.retry_at, container.phase = at, None, Phase.DELETING
    announce_change(tx, container)
