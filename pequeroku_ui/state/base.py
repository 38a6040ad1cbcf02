"""What every page's state has: who is signed in, their credits, and the way to the services."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import reflex as rx
from reflex.state import BaseState

from backend.db import Tx, reading, transaction
from backend.errors import PequerokuError, Unauthenticated
from backend.rules.policy import Actor
from backend.services import inbox, quotas
from backend.services.inbox import NoticeView
from backend.services.views import CreditsView
from pequeroku_ui import faults, guard
from pequeroku_ui.state import literal_text, watching

literal_text.install()


class AppState(rx.State):
    """The part of the state that all pages share. Variables are what the browser may know."""

    username: str = ""
    is_admin: bool = False
    credits_used: int = 0
    credits_limit: int = 0
    credits_left: int = 0
    quota_active: bool = True
    read: list[str] = []
    """The states that have read what their pages are about: until then a skeleton stands in."""
    unread: int = 0
    """Notifications that were not read yet."""
    trouble: str = ""
    """Why the content could not be read, as a sentence."""

    _session_id: int | None = None
    _latest_notice_id: int = 0
    """What is newer is news to this tab."""

    @asynccontextmanager
    async def _act(self) -> AsyncGenerator[tuple[Tx, Actor]]:
        """One transaction as whoever sent the event. What it raises becomes a toast (faults.py)."""
        actor = guard.actor()
        async with transaction() as tx:
            yield tx, actor

    @asynccontextmanager
    async def _look(self) -> AsyncGenerator[tuple[Tx, Actor]]:
        """As `_act`, but only to read."""
        actor = guard.actor()
        async with reading() as tx:
            yield tx, actor

    @contextmanager
    def _loading(self) -> Iterator[None]:
        """Around the reading of a page's content: a failure is shown in its place, with a way to try again."""
        try:
            yield
            self.trouble = ""
        except Unauthenticated:
            raise
        except Exception as exception:  # noqa: BLE001 - faults.py logs it, and the page shows what it says
            self.trouble = faults.sentence_for(exception)
        self._has_read(True)

    def _has_read(self, is_so: bool) -> None:
        """What this state's page is about is there; or not any more, or not yet."""
        name = type(self).get_full_name()
        others = [each for each in self.read if each != name]
        self.read = [*others, name] if is_so else others

    @contextmanager
    def _refusable(self, name: str = "problem") -> Iterator[None]:
        """Around what a form asks for. A refusal ends the block; why, is kept in the variable that the form shows."""
        setattr(self, name, "")
        try:
            yield
        except PequerokuError as refusal:
            setattr(self, name, refusal.message)

    def _address_end(self) -> str:
        """Which thing the page is about. It is anybody's guess: the services say whose it is."""
        return self.router.url.path.rstrip("/").rpartition("/")[2]

    def _to_the_others(self, said: str) -> list[rx.event.EventSpec]:
        """A container is gone: say so, and from its own page go to the dashboard."""
        toast = rx.toast.success(said)
        return [toast] if self.router.url.path == "/" else [rx.redirect("/"), toast]

    async def _enter(self, topic: str) -> None:
        """A page was loaded: remember what this tab shows, and fill the top bar."""
        actor = guard.actor()
        sid = guard.sid_of(self.router.headers.cookie)
        watching.watch(self.router.session.client_token, actor, topic, sid)
        self.username, self.is_admin = actor.username, actor.is_superuser
        async with self._look() as (tx, _):
            self._show_credits(await quotas.my_credits(tx, actor))
            self._show_unread(await inbox.unread_count(tx, actor), await inbox.list_inbox(tx, actor, limit=1))

    def _show_unread(self, unread: int, latest: list[NoticeView]) -> list[NoticeView]:
        """Returns those that this tab did not know of, oldest first."""
        known, self.unread = self._latest_notice_id, unread
        self._latest_notice_id = max([known, *(each.id for each in latest)])
        return [each for each in reversed(latest) if each.id > known and not each.is_read]

    async def _renew(self, actor: Actor) -> None:
        """Something happened that concerns what this page shows: read it anew (live.py calls, for its watcher)."""

    def _show_credits(self, purse: CreditsView) -> None:
        self.credits_used, self.credits_limit, self.credits_left = purse.used, purse.limit, purse.left
        self.quota_active = purse.active


async def keep_apart(state: BaseState, session_id: int | None) -> None:
    """Empty a tab's state that another session (or nobody) filled, and note whose it is now."""
    mine = await state.get_state(AppState)
    if mine._session_id == session_id:
        return
    if mine._session_id is not None:
        for each in _descendants(AppState):
            (await state.get_state(each)).reset()
        watching.forget([state.router.session.client_token])
    mine._session_id = session_id


def _descendants(kind: type[BaseState]) -> Iterator[type[BaseState]]:
    yield kind
    for each in kind.get_substates():
        yield from _descendants(each)


def as_id(raw: object) -> int:
    """An id that a client sent, as a number; 0, which nothing has, where it is none."""
    text = str(raw)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def words_of(form: Mapping[str, Any], *names: str) -> dict[str, str]:
    """What was typed into fields of a form, by name; empty where a client left one out."""
    return {each: str(form.get(each, "")) for each in names}
