"""What a person is told when something goes wrong, and what is kept in the log."""

import logging
import secrets

import reflex as rx

from backend.errors import PequerokuError, Unauthenticated
from pequeroku_ui.guard import login_path

log = logging.getLogger(__name__)


def sentence_for(exception: Exception) -> str:
    """The sentence for a person. An exception that is no PequerokuError is a bug: logged here, once, with an id."""
    if isinstance(exception, PequerokuError):
        return exception.message
    bug_id = secrets.token_hex(4)
    log.error("bug %s", bug_id, exc_info=exception)
    return f"Something went wrong on our side. If it happens again, tell your operator the number {bug_id}."


def on_backend(exception: Exception) -> rx.event.EventSpec:
    """Answer an event whose handler raised."""
    if isinstance(exception, Unauthenticated):
        return rx.redirect(login_path(error="session-ended"), replace=True)
    return rx.toast.error(sentence_for(exception))


def on_frontend(exception: Exception) -> None:
    """Keep what a browser reports of its own faults. Its text comes from a client: kept on one line, and short."""
    said = "".join(each if each.isprintable() else " " for each in str(exception)[:2000])
    log.warning("a browser reports: %s", " ".join(said.split()))
