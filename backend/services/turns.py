"""Turns of the assistant: who may begin one, what it may still use, and how it ended."""

from dataclasses import dataclass

from sqlmodel import col, func, select

from backend.db import Tx
from backend.errors import AskedEnough, Conflict, Invalid, NotFound
from backend.models import AIConversation, AITurn, AIUsageLog, Session, TurnStatus, User
from backend.models.base import now
from backend.operation import note, operation
from backend.rules.plain_text import one_line
from backend.rules.policy import Action, Actor, Scope, Via
from backend.services import activity, keys, timelines
from backend.services.conversations import going_on, opened
from backend.services.doors import Door, door
from backend.services.quotas import locked_quota
from backend.services.targets import visible
from backend.services.timelines import Told
from backend.services.turn_use import check_budget, left_today, refuse_if_spent

LONGEST_TEXT = 3000
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn that was let begin."""

    id: int
    number: int
    usage_id: int
    conversation_id: int
    container_id: int
    user_id: int
    session_id: int | None
    api_key: str
    title: str
    asked: Told


@operation(Action.AI_ASK)
async def begin(tx: Tx, actor: Actor, container_id: int, conversation_id: int | None, text: str) -> Begun:
    """Let the actor ask the assistant something. It counts from now on.

    Raises:
        NotFound, Forbidden: no such container or conversation, or not the actor's to use.
        Invalid: it is empty, or too long.
        Conflict: a turn goes on there.
        AskedEnough: as much was asked today as may be.
    """
    asked = text.replace("\0", "�").strip()  # PostgreSQL keeps none
    note(message=asked if len(asked) <= _SHOWN else f"{asked[:_SHOWN]}…")
    await door(Action.AI_ASK, tx, actor, container_id)
    if not asked or len(text) > LONGEST_TEXT:
        raise Invalid(f"Say something, in {LONGEST_TEXT:,} characters at most.", field="text")
    await _check_left(tx, actor.person_id)
    conversation = await opened(tx, actor.person_id, container_id, conversation_id)
    if await going_on(tx, conversation.id) is not None:
        raise Conflict("The assistant is still at work here. Wait, stop it, or ask in a new conversation.")
    conversation.title = conversation.title or _title(asked)
    usage = AIUsageLog(user_id=actor.person_id, container_id=container_id, query=asked)
    turn = AITurn(conversation_id=conversation.id, session_id=actor.session_id, api_key=actor.api_key)
    tx.add_all([usage, turn])
    await tx.flush()
    turn.usage_id = usage.id
    told = await timelines.add(tx, conversation.id, turn.id, "user", {"text": asked}, text=asked)
    at = now()
    if activity.is_news(container_id, at):
        await activity.note_use(tx, [container_id], at)
    return await resumed(tx, turn, conversation, told)


async def _check_left(tx: Tx, user_id: int) -> None:
    quota = await locked_quota(tx, user_id)  # so that two at once are counted one after the other
    left = await left_today(tx, user_id)
    if left.uses <= 0:
        raise AskedEnough(f"You may ask {quota.ai_use_per_day} times a day, and have. Ask again tomorrow.")
    refuse_if_spent(left)


@operation(Action.AI_RETRY)
async def begin_again(tx: Tx, actor: Actor, container_id: int, conversation_id: int) -> Begun:
    """Let the last turn of a conversation go on that failed. It does not count anew.

    Raises:
        NotFound, Forbidden: as `begin`.
        Conflict: the last turn did not fail, or one goes on.
        AskedEnough: what may be spent today is spent.
    """
    await door(Action.AI_RETRY, tx, actor, container_id)
    await check_budget(tx, actor.person_id)
    conversation = await opened(tx, actor.person_id, container_id, conversation_id)
    query = select(AITurn).where(AITurn.conversation_id == conversation.id).order_by(col(AITurn.id).desc())
    turn = (await tx.exec(query.with_for_update())).first()
    if turn is None or turn.status not in (TurnStatus.FAILED, TurnStatus.STOPPED):
        raise Conflict("There is nothing to try again: the last turn did not fail.")
    turn.status, turn.ended_at = TurnStatus.RUNNING, None
    turn.session_id, turn.api_key = actor.session_id, actor.api_key
    return await resumed(tx, turn, conversation)


@operation(Action.AI_ANSWER)
async def answer(tx: Tx, actor: Actor, container_id: int, what: str, *, allow: bool) -> None:
    """Write down what the actor answered when the assistant asked for a click.

    Raises:
        NotFound, Forbidden: as `begin`.
    """
    note(message=f"{'allowed' if allow else 'refused'}: {what[:_SHOWN]}")
    await visible(Action.AI_ANSWER, tx, actor, container_id)


@operation(Action.AI_STOP)
async def let_stop(tx: Tx, actor: Actor, container_id: int) -> None:
    """Let the actor stop what their assistant does in a container.

    Raises:
        NotFound, Forbidden: as `begin`.
    """
    await visible(Action.AI_STOP, tx, actor, container_id)


@operation(Action.AI_GO_ON)
async def let_go_on(tx: Tx, actor: Actor, container_id: int) -> Door:
    """Let a turn take its next step: whoever asked may still be at the container.

    Raises:
        NotFound, Forbidden: not any more.
    """
    return await door(Action.AI_GO_ON, tx, actor, container_id)


async def agent_for(tx: Tx, user_id: int, session_id: int | None, api_key: str) -> Actor | None:
    """Who the assistant acts as: the person, as they are now; None when they are gone, or what let them in is."""
    user = await tx.get(User, user_id, populate_existing=True)
    session = await tx.get(Session, session_id) if session_id is not None else None
    scope = await keys.scope_of_key(tx, api_key) if api_key else Scope.ADMIN
    if session_id is not None and (session is None or session.user_id != user_id or session.expires_at <= now()):
        return None
    if user is None or not user.is_active or scope is None:
        return None
    return Actor(
        user.id,
        user.username,
        is_superuser=user.is_superuser,
        via=Via.AGENT,
        session_id=session_id,
        scope=scope,
        api_key=api_key,
        must_change_password=user.must_change_password,
    )


async def resumed(tx: Tx, turn: AITurn, conversation: AIConversation, asked: Told | None = None) -> Begun:
    """What is needed to go on with a turn."""
    number = (await tx.exec(select(func.count()).where(AITurn.conversation_id == conversation.id))).one()
    return Begun(
        turn.id,
        number,
        turn.usage_id or 0,
        conversation.id,
        conversation.container_id,
        conversation.user_id,
        turn.session_id,
        turn.api_key,
        conversation.title,
        asked or {},
    )


async def left_behind(tx: Tx) -> list[Begun]:
    """Turns that went on when the server ended: all that are not over, when it begins."""
    query = select(AITurn, AIConversation).join(AIConversation)
    query = query.where(col(AITurn.status).in_((TurnStatus.RUNNING, TurnStatus.WAITING)))
    return [await resumed(tx, turn, conversation) for turn, conversation in (await tx.exec(query)).all()]


async def set_status(tx: Tx, begun: Begun, status: TurnStatus) -> None:
    """Say how far a turn has come.

    Raises:
        NotFound: it is gone, with its conversation.
    """
    turn = await tx.get(AITurn, begun.id, with_for_update=True, populate_existing=True)
    if turn is None:
        raise NotFound("That turn")
    turn.status = status
    turn.ended_at = None if status in (TurnStatus.RUNNING, TurnStatus.WAITING) else now()


def _title(asked: str) -> str:
    """The first words of the first question."""
    line = one_line(asked)
    return line if len(line) <= 60 else f"{line[:60].rsplit(' ', 1)[0]}…"
