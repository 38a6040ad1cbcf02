"""When a person is busy: from the address of a calendar (ICS), from Google, or from both."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from backend.db import reading
from backend.errors import UpstreamFault
from backend.models import ConnectedAccount
from backend.outward import Outward
from backend.rules.internet import is_public
from backend.rules.signals.calendar import LOOKED_AHEAD, Busy, CalendarNow, derive
from backend.rules.signals.readings import Reading
from backend.settings import settings
from backend.tips import vault
from backend.tips.clock import day_end, zone_of
from backend.tips.connections import http
from backend.tips.connections.oauth import Revoked
from backend.tips.connections.providers import GOOGLE, ICS, Provider, providers
from backend.tips.signals.base import NotConnected, Signal
from backend.tips.signals.ics_program import read_apart

_MOST_BYTES = 2 * 1024 * 1024
_DEADLINE_S = 10.0
_MOST_STRETCHES = 500
_REFUSED = frozenset({401, 403})
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_ICS_HEADERS = {"Accept": "text/calendar", "User-Agent": "Pequeroku-Calendars/1"}


class CalendarSignal(Signal[CalendarNow]):
    """Whether a person is busy, and until when they are not."""

    def __init__(self) -> None:
        super().__init__("calendar")

    async def fetch(self, user_id: int, at: datetime) -> CalendarNow:
        async with reading() as tx:
            mine = (ConnectedAccount.user_id == user_id, ConnectedAccount.state == "live")
            query = select(ConnectedAccount).where(*mine, col(ConnectedAccount.provider).in_((ICS, GOOGLE)))
            accounts = (await tx.exec(query)).all()
            zone, known = await zone_of(tx, user_id), {each.name: each for each in await providers(tx)}
        if not accounts:
            raise NotConnected("No calendar is connected.")
        ends = day_end(at, zone)
        begins = datetime.combine(at.astimezone(zone).date(), time.min, zone)
        span = Busy(begins, max(ends, at + LOOKED_AHEAD))
        busy: list[Busy] = []
        for each in accounts:
            busy += await (_from_ics(each, span, zone) if each.provider == ICS else _from_google(each, known, span))
        return CalendarNow(busy, begins, ends)

    def derive(self, raw: CalendarNow, at: datetime) -> list[Reading]:
        return derive(raw, at)


def _way_out() -> Outward:
    """The guard that everything goes through that a stranger chose; tests read from the loopback, too."""
    if not settings().providers_at:
        return Outward()
    return Outward(allows=lambda address: address in _LOOPBACK or is_public(address), ports=range(1, 65536))


async def _from_ics(account: ConnectedAccount, span: Busy, zone: ZoneInfo) -> Sequence[Busy]:
    url = vault.opened(account)
    page = await _way_out().page(url, most_bytes=_MOST_BYTES, deadline_s=_DEADLINE_S, headers=_ICS_HEADERS)
    if page.status != 200:
        raise UpstreamFault(f"The calendar's address answers with {page.status}.")
    if page.is_cut:
        raise UpstreamFault(f"The calendar is larger than {_MOST_BYTES // 1024**2} MiB, which is as much as is read.")
    return await read_apart(page.body, span, zone)


async def _from_google(account: ConnectedAccount, known: Mapping[str, Provider], span: Busy) -> Sequence[Busy]:
    provider = known.get(GOOGLE)
    if provider is None:
        raise UpstreamFault("Google Calendar is not offered here any more.")
    try:
        token = await vault.access_token(account.id, provider)
    except Revoked as fault:
        raise NotConnected(fault.message) from fault
    asked = {
        "timeMin": span.begins.astimezone(UTC).isoformat(),
        "timeMax": span.ends.astimezone(UTC).isoformat(),
        "items": [{"id": "primary"}],
    }
    async with http.asking(provider.label) as client:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await client.post(f"{provider.api_url}/freeBusy", json=asked, headers=headers)
        if answer.status_code not in _REFUSED:
            said: dict[str, Any] = answer.raise_for_status().json()
            stretches = said["calendars"]["primary"]["busy"][:_MOST_STRETCHES]
            return [Busy(_moment(each["start"]), _moment(each["end"])) for each in stretches]
    why = "Google does not let us in any more. Connect it anew if you want."
    await vault.note_revoked(account.id, why)
    raise NotConnected(why)


def _moment(said: str) -> datetime:
    at = datetime.fromisoformat(said)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
