"""A person's tasks at Todoist: when they are due, and when they were done. Titles are let go with the answer."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import httpx
from dataclass_wizard.errors import JSONWizardError
from sqlmodel import select
from todoist_api_python.api_async import TodoistAPIAsync
from todoist_api_python.models import Task

from backend.db import reading
from backend.models import ConnectedAccount
from backend.rules.signals.readings import Reading
from backend.rules.signals.tasks import DONE_WITHIN, TasksNow, derive
from backend.tips import vault
from backend.tips.clock import day_end, zone_of
from backend.tips.connections import http
from backend.tips.connections.oauth import Revoked
from backend.tips.connections.providers import TODOIST, Provider, provider_of
from backend.tips.signals.base import NotConnected, Signal

_PAGE = 200
_MOST_TASKS = 2000
"""Of more than that nobody needs a count that is exact."""
_REFUSED = frozenset({401, 403})


class TodoistSignal(Signal[TasksNow]):
    """What is overdue, due today, and done."""

    def __init__(self) -> None:
        super().__init__("todoist")

    async def fetch(self, user_id: int, at: datetime) -> TasksNow:
        account_id, provider, zone = await _account(user_id)
        try:
            token = await vault.access_token(account_id, provider)
            async with TodoistAPIAsync(token, client=http.todoist_client()) as api:
                due_on = await _due_days(api, zone)
                done_at = await _done(api, at)
        except Revoked as fault:
            raise NotConnected(fault.message) from fault
        except httpx.HTTPStatusError as fault:
            if fault.response.status_code in _REFUSED:
                why = "Todoist does not let us in any more. Connect it anew if you want."
                await vault.note_revoked(account_id, why)
                raise NotConnected(why) from fault
            raise http.silent(provider.label) from fault
        except (*http.SILENCE, *http.NONSENSE) as fault:
            raise http.silent(provider.label) from fault
        except JSONWizardError:
            raise http.silent(provider.label) from None  # its message quotes the task
        return TasksNow(due_on, done_at, at.astimezone(zone).date(), day_end(at, zone))

    def derive(self, raw: TasksNow, at: datetime) -> list[Reading]:
        return derive(raw, at)


async def _account(user_id: int) -> tuple[int, Provider, ZoneInfo]:
    mine = (ConnectedAccount.user_id == user_id, ConnectedAccount.provider == TODOIST)
    async with reading() as tx:
        query = select(ConnectedAccount.id).where(*mine, ConnectedAccount.state == "live")
        account_id = (await tx.exec(query)).first()
        if account_id is None:
            raise NotConnected("Todoist is not connected.")
        return account_id, await provider_of(tx, TODOIST), await zone_of(tx, user_id)


async def _due_days(api: TodoistAPIAsync, zone: ZoneInfo) -> list[date]:
    tasks = await _some(await api.get_tasks(limit=_PAGE))
    days = [cast(date, cast(Any, each.due).date) for each in tasks if each.due is not None]
    return [_day(each, zone) for each in days]


async def _done(api: TodoistAPIAsync, at: datetime) -> list[datetime]:
    since = at - DONE_WITHIN
    pages = await api.get_completed_tasks_by_completion_date(since=since, until=at + timedelta(minutes=1), limit=_PAGE)
    times = [cast(datetime | None, cast(Any, each).completed_at) for each in await _some(pages)]
    return [_moment(each) for each in times if each is not None]


async def _some(pages: AsyncIterator[list[Task]]) -> list[Task]:
    found: list[Task] = []
    async for page in pages:
        found += page
        if len(found) >= _MOST_TASKS or not page:
            break
    return found[:_MOST_TASKS]


def _day(due: date | datetime, zone: ZoneInfo) -> date:
    """A due time without a zone is meant wherever the person is."""
    if isinstance(due, datetime):
        return due.astimezone(zone).date() if due.tzinfo is not None else due.date()
    return due


def _moment(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
