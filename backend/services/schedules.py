"""Starts and stops of containers at a time of day."""

from datetime import datetime

from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import Conflict, Forbidden, NotFound
from backend.models import Container, ContainerSchedule, DesiredState
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.notices import Notice
from backend.rules.policy import Action, Actor
from backend.rules.schedules import in_words, minute_of, next_run, time_zone_of, weekdays_of
from backend.services import containers
from backend.services.inbox import tell
from backend.services.quotas import locked_quota
from backend.services.targets import locked, visible
from backend.services.views import ScheduleView

_MOST = 20


@operation(Action.SCHEDULE_LIST)
async def list_schedules(tx: Tx, actor: Actor, container_id: int) -> list[ScheduleView]:
    """A container's schedules, in the order in which they were made.

    Raises:
        NotFound: no such container, or not the actor's to see.
    """
    await visible(Action.SCHEDULE_LIST, tx, actor, container_id)
    query = select(ContainerSchedule).where(ContainerSchedule.container_id == container_id)
    return [_view(each) for each in (await tx.exec(query.order_by(col(ContainerSchedule.id)))).all()]


@operation(Action.SCHEDULE_CREATE)
async def create_schedule(
    tx: Tx, actor: Actor, container_id: int, *, starts: bool, weekdays: str, time: str, time_zone: str
) -> ScheduleView:
    """Start (or stop) a container at a time of day.

    Args:
        weekdays: digits, Monday is 0.
        time: such as 08:30, on the wall clock of `time_zone` (an IANA name).

    Raises:
        NotFound: no such container, or not the actor's to see.
        Invalid: no day, no time of day, or no time zone.
        Conflict: it has as many as it may have, or is being deleted.
    """
    await locked(Action.SCHEDULE_CREATE, tx, actor, container_id)
    made = ContainerSchedule(
        container_id=container_id,
        desired_state=DesiredState.RUNNING if starts else DesiredState.STOPPED,
        weekdays=weekdays_of(weekdays),
        minute_of_day=minute_of(time),
        time_zone=time_zone_of(time_zone),
    )
    count = select(func.count()).where(ContainerSchedule.container_id == container_id)
    if (await tx.exec(count)).one() >= _MOST:
        raise Conflict(f"A container has {_MOST} schedules at most. Remove one first.")
    made.next_at = _next(made, now())
    tx.add(made)
    await tx.flush()
    note(message=_words(made))
    return _view(made)


@operation(Action.SCHEDULE_UPDATE)
async def update_schedule(tx: Tx, actor: Actor, schedule_id: int, *, enabled: bool) -> ScheduleView:
    """Switch a schedule on or off. One that is switched on begins with its next time.

    Raises:
        NotFound: no such schedule, or not the actor's to see.
    """
    schedule = await _locked(tx, actor, Action.SCHEDULE_UPDATE, schedule_id)
    schedule.enabled = enabled
    schedule.next_at = _next(schedule, now()) if enabled else None
    note(message=f"{'on' if enabled else 'off'}: {_words(schedule)}")
    return _view(schedule)


@operation(Action.SCHEDULE_DELETE)
async def delete_schedule(tx: Tx, actor: Actor, schedule_id: int) -> None:
    """Remove a schedule.

    Raises:
        NotFound: no such schedule, or not the actor's to see.
    """
    schedule = await _locked(tx, actor, Action.SCHEDULE_DELETE, schedule_id)
    note(message=_words(schedule))
    await tx.delete(schedule)


@operation(Action.SCHEDULE_RUN)
async def run_due(tx: Tx, actor: Actor, container_id: int, *, at: datetime) -> None:
    """Do what a container's schedules call for, and set their next times. Where several are due, the last counts.

    A start that credits or room refuse is told to the owner, and not tried again before its next time.
    """
    require(actor, Action.SCHEDULE_RUN)
    note("container", container_id)
    container = await tx.get(Container, container_id)
    if container is None:
        raise NotFound("That container")
    await locked_quota(tx, container.user_id)
    await tx.refresh(container, with_for_update=True)
    query = select(ContainerSchedule).where(ContainerSchedule.container_id == container_id, *_due(at))
    due = (await tx.exec(query.order_by(col(ContainerSchedule.next_at)).with_for_update())).all()
    for each in due:
        each.next_at = _next(each, at)
    if not due or container.delete_requested_at is not None or due[-1].desired_state is container.desired_state:
        return
    note(message=_words(due[-1]))
    if due[-1].desired_state is DesiredState.STOPPED:
        await containers.power_off(tx, actor, container_id)
        return
    try:
        await containers.power_on(tx, actor, container_id)
    except (Conflict, Forbidden) as refusal:
        title = f"“{container.name}” was not started on schedule"
        link = f"/containers/{container_id}"
        owner_id = container.user_id
        await tell(tx, owner_id, Notice.FAILED, title, refusal.message, link=link, container_id=container_id)


async def due_containers(tx: Tx, *, at: datetime) -> list[int]:
    """Containers with a schedule that has fallen due."""
    return list((await tx.exec(select(ContainerSchedule.container_id).where(*_due(at)).distinct())).all())


def _due(at: datetime):  # a condition's type would say less than the condition
    return col(ContainerSchedule.enabled), col(ContainerSchedule.next_at) <= at


async def _locked(tx: Tx, actor: Actor, action: Action, schedule_id: int) -> ContainerSchedule:
    """Container first, then schedule: in the order in which a deletion takes them."""
    schedule = await tx.get(ContainerSchedule, schedule_id)
    await locked(action, tx, actor, schedule.container_id if schedule else 0)
    query = select(ContainerSchedule).where(ContainerSchedule.id == schedule_id).with_for_update()
    found = (await tx.exec(query)).first()
    if found is None:
        raise NotFound("That schedule")
    return found


def _next(schedule: ContainerSchedule, after: datetime) -> datetime:
    return next_run(schedule.weekdays, schedule.minute_of_day, schedule.time_zone, after=after)


def _words(schedule: ContainerSchedule) -> str:
    what = "start" if schedule.desired_state is DesiredState.RUNNING else "stop"
    return f"{what} {in_words(schedule.weekdays, schedule.minute_of_day)} {schedule.time_zone}"


def _view(schedule: ContainerSchedule) -> ScheduleView:
    return ScheduleView(
        id=schedule.id,
        starts=schedule.desired_state is DesiredState.RUNNING,
        when=in_words(schedule.weekdays, schedule.minute_of_day),
        time_zone=schedule.time_zone,
        enabled=schedule.enabled,
        next_at=schedule.next_at,
    )
