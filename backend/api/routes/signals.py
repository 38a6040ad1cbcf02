"""What tips may know of you: consents, what was derived, connected accounts, habits and moods (docs/signals.md)."""

from typing import Any

from fastapi import Request, Response

from backend.api.deps import Caller, Page, Paged
from backend.api.routing import does
from backend.api.routing import router as routes
from backend.api.schemas.signals import (
    CalendarIn,
    ClockIn,
    ConnectionOut,
    ConsentOut,
    FeatureOut,
    FreshnessOut,
    HabitIn,
    HabitMade,
    HabitOut,
    MoodIn,
    MoodOut,
    ScopeIn,
    TickIn,
)
from backend.db import reading, transaction
from backend.rules.policy import Action
from backend.tips import clock, consents, features, habits
from backend.tips.connections import accounts
from backend.tips.connections import hooks as messages

router = routes("/api/tips", "signals")
hooks = routes("/api/tips/hooks", "signals")
_DONE = 204


@router.get("/consents/", response_model=Page[ConsentOut], **does(Action.CONSENT_LIST))
async def list_consents(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Every scope, with what you said to it."""
    async with reading() as tx:
        return paging.cut(await consents.list_consents(tx, actor))


@router.post("/consents/give/", status_code=_DONE, **does(Action.CONSENT_GIVE))
async def give_consent(actor: Caller, said: ScopeIn) -> Response:
    """Let tips know of it from now on."""
    async with transaction() as tx:
        await consents.give(tx, actor, said.scope)
    return Response(status_code=_DONE)


@router.post("/consents/withdraw/", status_code=_DONE, **does(Action.CONSENT_WITHDRAW))
async def withdraw_consent(actor: Caller, said: ScopeIn) -> Response:
    """Let tips know of it no more; what was derived is gone with this."""
    async with transaction() as tx:
        await consents.withdraw(tx, actor, said.scope)
    return Response(status_code=_DONE)


@router.get("/features/", response_model=Page[FeatureOut], **does(Action.FEATURE_LIST))
async def list_features(actor: Caller, paging: Paged) -> dict[str, Any]:
    """What is known about you now."""
    async with reading() as tx:
        return paging.cut(await features.my_features(tx, actor))


@router.get("/features/freshness/", response_model=Page[FreshnessOut], **does(Action.FEATURE_FRESHNESS))
async def list_freshness(actor: Caller, paging: Paged) -> dict[str, Any]:
    """How fresh every feature is, over all people; for administrators."""
    async with reading() as tx:
        return paging.cut(await features.freshness(tx, actor))


@router.get("/connections/", response_model=Page[ConnectionOut], **does(Action.CONNECTION_LIST))
async def list_connections(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Your connected accounts."""
    async with reading() as tx:
        return paging.cut(await accounts.list_connections(tx, actor))


@router.post("/connections/calendar/", status_code=_DONE, **does(Action.CONNECTION_CALENDAR))
async def add_calendar(actor: Caller, said: CalendarIn) -> Response:
    """Read when you are busy from the address of a calendar."""
    async with transaction() as tx:
        await accounts.add_calendar(tx, actor, said.url)
    return Response(status_code=_DONE)


@router.delete("/connections/{connection_id}/", status_code=_DONE, **does(Action.CONNECTION_END))
async def end_connection(actor: Caller, connection_id: int) -> Response:
    """Disconnect an account; it is revoked at its provider in a moment."""
    async with transaction() as tx:
        await accounts.end(tx, actor, connection_id)
    return Response(status_code=_DONE)


@router.put("/clock/", status_code=_DONE, **does(Action.CLOCK_SET))
async def set_clock(actor: Caller, said: ClockIn) -> Response:
    """Count your days in a time zone."""
    async with transaction() as tx:
        await clock.set_clock(tx, actor, said.time_zone)
    return Response(status_code=_DONE)


@router.get("/habits/", response_model=Page[HabitOut], **does(Action.HABIT_LIST))
async def list_habits(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Your habits, as they stand today."""
    async with reading() as tx:
        return paging.cut(await habits.list_habits(tx, actor))


@router.post("/habits/", status_code=201, **does(Action.HABIT_ADD))
async def add_habit(actor: Caller, said: HabitIn) -> HabitMade:
    """Write a habit down."""
    async with transaction() as tx:
        return HabitMade(id=await habits.add_habit(tx, actor, said.name, said.weekdays))


@router.post("/habits/{habit_id}/tick/", status_code=_DONE, **does(Action.HABIT_TICK))
async def tick_habit(actor: Caller, habit_id: int, said: TickIn) -> Response:
    """It was done today; or was not, after all."""
    async with transaction() as tx:
        await habits.tick_habit(tx, actor, habit_id, said.done)
    return Response(status_code=_DONE)


@router.post("/habits/{habit_id}/archive/", status_code=_DONE, **does(Action.HABIT_ARCHIVE))
async def archive_habit(actor: Caller, habit_id: int) -> Response:
    """Put a habit away; its ticks stay."""
    async with transaction() as tx:
        await habits.archive_habit(tx, actor, habit_id)
    return Response(status_code=_DONE)


@router.delete("/habits/{habit_id}/", status_code=_DONE, **does(Action.HABIT_DELETE))
async def delete_habit(actor: Caller, habit_id: int) -> Response:
    """Remove a habit, with every tick."""
    async with transaction() as tx:
        await habits.delete_habit(tx, actor, habit_id)
    return Response(status_code=_DONE)


@router.get("/moods/", response_model=Page[MoodOut], **does(Action.MOOD_LIST))
async def list_moods(actor: Caller, paging: Paged) -> dict[str, Any]:
    """Your latest marks, newest first."""
    async with reading() as tx:
        return paging.cut(await habits.list_moods(tx, actor))


@router.post("/moods/", status_code=_DONE, **does(Action.MOOD_MARK))
async def mark_mood(actor: Caller, said: MoodIn) -> Response:
    """Note how you are now."""
    async with transaction() as tx:
        await habits.mark_mood(tx, actor, said.mood)
    return Response(status_code=_DONE)


@router.delete("/moods/", status_code=_DONE, **does(Action.MOOD_FORGET))
async def forget_moods(actor: Caller) -> Response:
    """Remove every mark you gave."""
    async with transaction() as tx:
        await habits.forget_moods(tx, actor)
    return Response(status_code=_DONE)


@hooks.post("/todoist", status_code=_DONE, **does(None))
async def todoist(request: Request) -> Response:
    """Todoist says that somebody's tasks have changed. Only what it signed is heard; its words are not kept."""
    signature = request.headers.get("x-todoist-hmac-sha256", "")
    await messages.todoist(await request.body(), signature)
    return Response(status_code=_DONE)
