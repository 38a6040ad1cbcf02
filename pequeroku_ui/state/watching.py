"""Which open tab shows what, for whom: filled when a page loads, cleared when it is left or its tab is gone."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backend.rules.policy import Actor

DASHBOARD = "dashboard"
TEAMS = "teams"
TEAM = "team:"
INBOX = "inbox"
WEBHOOKS = "webhooks"
PRIVACY = "privacy"
CONNECT = "connect"
ADMIN_OVERVIEW = "admin:overview"
ADMIN_RECONCILER = "admin:reconciler"
ADMIN_STREAM = "admin:stream"
_CONTAINER = "container:"
METRICS = "metrics"
LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Watch:
    """A tab: who looks, and at what. A topic of "" is a page that only has a top bar to keep fresh."""

    actor: Actor
    topic: str
    cookie_digest: bytes
    """Of its socket's session cookie: the tab's token alone, which stands in addresses, opens nothing."""

    @property
    def container_id(self) -> int | None:
        return int(self.topic.removeprefix(_CONTAINER)) if self.topic.startswith(_CONTAINER) else None


_watches: dict[str, Watch] = {}
_following: dict[str, str] = {}
"""The view of its page that a tab has in front, by its token, where that view follows what happens by itself."""


def topic_of(container_id: int) -> str:
    """The topic of one container's page."""
    return f"{_CONTAINER}{container_id}"


def digest(sid: str) -> bytes:
    """What is kept of a session cookie."""
    return hashlib.sha256(sid.encode()).digest()


def watch(token: str, actor: Actor, topic: str, sid: str) -> None:
    """The tab shows `topic` from now on, and nothing else. `sid` is its session cookie."""
    _watches[token] = Watch(actor, topic, digest(sid))


def forget(tokens: Iterable[str]) -> None:
    """These tabs show nothing any more."""
    for token in tokens:
        _watches.pop(token, None)


def watches() -> Mapping[str, Watch]:
    """Every tab that shows something, by its token."""
    return _watches


def follow(token: str, view: str) -> None:
    """The tab has this view in front, and wants to hear of all that it shows; until it is left, or the tab is gone."""
    for gone in _following.keys() - _watches.keys():
        del _following[gone]
    _following[token] = view


def follows(token: str, view: str) -> bool:
    """Whether the tab has the view in front: the others are left alone."""
    return _following.get(token) == view


def leave(token: str, view: str) -> None:
    """The tab has another view in front; that one may have said so already."""
    if follows(token, view):
        del _following[token]
