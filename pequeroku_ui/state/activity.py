"""What was done: by me and to my account, or to one of my containers."""

from dataclasses import dataclass

import reflex as rx

from backend.services import audit
from backend.services.audit import AuditPage, AuditView
from pequeroku_ui.state.base import AppState, as_id
from pequeroku_ui.state.devices import device_words

_WORDS = {
    "user.login": "Sign-in",
    "user.logout": "Sign-out",
    "user.create": "Account made",
    "user.change_password": "Password change",
    "session.revoke": "Browser signed out",
    "webhook.create": "Webhook added",
    "webhook.update": "Webhook changed",
    "webhook.delete": "Webhook deleted",
    "webhook.rotate_secret": "Webhook got a new secret",
    "webhook.test": "Webhook tested",
    "webhook.resend": "Message sent again",
    "push.subscribe": "Tips sent to a browser",
    "push.unsubscribe": "Tips no longer sent to a browser",
    "push.set_quiet": "Quiet hours changed",
    "ws.connect": "Terminal opened",
    "ws.disconnect": "Terminal left",
    "container.power_on": "Started",
    "container.power_off": "Stopped",
    "container.create": "Container made",
    "container.delete": "Deletion asked for",
    "container.restart": "Restarted",
    "container.rename": "Renamed",
    "container.duplicate": "Copied",
    "container.sleep": "Put to sleep",
    "container.start_afresh": "Started afresh",
}


@dataclass(frozen=True)
class ActivityRow:
    """A row of the audit log, in words."""

    id: int
    what: str
    message: str
    who: str
    where: str
    at: str
    is_refused: bool


class ActivityState(AppState):
    """The account's page of it, and the container's dialog."""

    rows: list[ActivityRow] = []
    has_more: bool = False
    is_open: bool = False

    _container_id: int = 0
    _before_id: int | None = None

    @rx.event
    async def load(self) -> None:
        """The account's page was opened, or “Try again” pressed."""
        with self._loading():
            await self._enter("")
            self._container_id, self._before_id, self.rows = 0, None, []
            await self._add()

    @rx.event
    async def show(self, container_id: int, is_open: bool) -> None:
        """Open or close the container's dialog."""
        self.is_open, self.rows, self._before_id = bool(is_open), [], None
        self._container_id = as_id(container_id)
        if self.is_open:
            await self._add()

    @rx.event
    async def more(self) -> None:
        """The rows before those."""
        await self._add()

    async def _add(self) -> None:
        async with self._look() as (tx, actor):
            if self._container_id:
                page = await audit.get_machine_logs(tx, actor, self._container_id, before_id=self._before_id)
            else:
                page = await audit.get_user_logs(tx, actor, actor.person_id, before_id=self._before_id)
        self._show(page)

    def _show(self, page: AuditPage) -> None:
        self.rows = [*self.rows, *(_row(each) for each in page.rows)]
        self._before_id, self.has_more = page.next_before_id, page.next_before_id is not None


def _row(view: AuditView) -> ActivityRow:
    said = view.message.partition(": ")[2] if not view.success else view.message
    place = [view.ip] if view.ip else []
    device = [device_words(view.user_agent)] if view.user_agent else []
    return ActivityRow(
        id=view.id,
        what=_WORDS.get(view.action) or view.action.replace(".", ", ").replace("_", " ").capitalize(),
        message=said,
        who=view.actor_name or ("Somebody" if view.user_id is None else "You"),
        where=" · ".join(device + place),
        at=view.at.isoformat(),
        is_refused=not view.success,
    )
