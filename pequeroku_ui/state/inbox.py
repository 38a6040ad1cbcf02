"""The inbox: what happened while away."""

from dataclasses import dataclass

import reflex as rx

from backend.rules.notices import WORDS, Notice
from backend.services import inbox
from backend.services.inbox import PAGE, NoticeView
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.watching import INBOX

_KINDS = {kind.value: words for kind, words in WORDS.items()}
_TONES = {
    Notice.FAILED.value: "bad",
    Notice.WEBHOOK_FAILED.value: "bad",
    Notice.STOPPED_BY_QUOTA.value: "warn",
    Notice.EXPIRES_SOON.value: "warn",
    Notice.EXPIRED.value: "warn",
    Notice.SECURITY.value: "warn",
}


@dataclass(frozen=True)
class NoticeRow:
    """A notification, in words."""

    id: int
    kind: str
    tone: str
    title: str
    text: str
    link: str
    at: str
    is_read: bool


class InboxState(AppState):
    """The list, a page at a time."""

    rows: list[NoticeRow] = []
    has_more: bool = False

    @rx.event
    async def load(self) -> None:
        """The page was opened, or “Try again” pressed."""
        with self._loading():
            await self._enter(INBOX)
            async with self._look() as (tx, actor):
                self._show(await inbox.list_inbox(tx, actor))

    @rx.event
    async def more(self) -> None:
        """The ones before those."""
        before_id = min((each.id for each in self.rows), default=1)
        async with self._look() as (tx, actor):
            older = await inbox.list_inbox(tx, actor, before_id=before_id)
        self.rows, self.has_more = [*self.rows, *(notice_row(each) for each in older)], len(older) == PAGE

    @rx.event
    async def follow(self, notice_id: int) -> rx.event.EventSpec | None:
        """It was read; go to what it is about."""
        async with self._act() as (tx, actor):
            view = await inbox.mark_read(tx, actor, as_id(notice_id))
        return rx.redirect(view.link) if _is_path(view.link) else None

    @rx.event
    async def read_all(self) -> None:
        """All of them were read. The list follows by itself, in every open tab."""
        async with self._act() as (tx, actor):
            await inbox.mark_all_read(tx, actor)

    def _show(self, latest: list[NoticeView]) -> None:
        self.rows, self.has_more = [notice_row(each) for each in latest], len(latest) == PAGE


def notice_row(view: NoticeView) -> NoticeRow:
    """For the pages."""
    return NoticeRow(
        id=view.id,
        kind=_KINDS.get(view.kind, "Notice"),
        tone=_TONES.get(view.kind, "good"),
        title=view.title,
        text=view.text,
        link=view.link if _is_path(view.link) else "",
        at=view.at.isoformat(),
        is_read=view.is_read,
    )


def _is_path(link: str) -> bool:
    return link.startswith("/") and not link.startswith("//")
