"""The one gate: every use case is an `@operation`, authorised by `require()` and written to the audit log.

An operation that returns without having asked `require()` raises: authorization fails closed. Its audit row is
part of its transaction; the row of a refusal is written after the rollback.
"""

import functools
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlmodel import col, select

from backend.audit import record
from backend.db import Tx, reading, transaction
from backend.errors import Forbidden, NotFound, PequerokuError, ScopeTooSmall, Unauthenticated
from backend.models import AuditLog
from backend.models.base import now
from backend.rules.policy import (
    BEFORE_A_NEW_PASSWORD,
    Action,
    Actor,
    Role,
    TeamRole,
    Verdict,
    is_in_reach,
    judge,
    scope_of,
)

P = ParamSpec("P")
R = TypeVar("R")
Operation = Callable[Concatenate[Tx, Actor, P], Awaitable[R]]

_MOST_A_MINUTE = 60

OPERATIONS: dict[Action, Operation[..., Any]] = {}
"""Every operation of the product, by action (the accounting tests read it)."""

_QUIET = frozenset(
    {
        Action.ADMIN_ACT,  # what it does is an operation of its own, and audited as that
        Action.ADMIN_ASK,
        Action.ADMIN_LIST,
        Action.ADMIN_OVERVIEW,
        Action.ADMIN_READ,
        Action.ADMIN_SAVE,
        Action.AI_LOOK,
        Action.AI_OPEN,
        Action.AI_LIST,
        Action.AI_GO_ON,
        Action.AI_RENAME,
        Action.AI_CHANGES,
        Action.CHECKPOINT_LIST,
        Action.AI_CLEAR,
        Action.AI_USAGE_ALL,
        Action.AI_USAGE_CONTAINER,
        Action.AI_USAGE_USER,
        Action.AUDIT_CONTAINER,
        Action.AUDIT_LIST,
        Action.AUDIT_USER,
        Action.AUDIT_VERIFY,
        Action.CONTAINER_CONSOLE,
        Action.CONTAINER_LIST,
        Action.CONTAINER_METRICS,
        Action.CONTAINER_LOGS,
        Action.CONTAINER_READ,
        Action.FILE_LOOK,
        Action.FEED_READ,
        Action.IDENTITY_LIST,
        Action.INVITATION_LIST,
        Action.INVITATION_READ,
        Action.KEY_LIST,
        Action.INBOX_COUNT,
        Action.INBOX_LIST,
        Action.INBOX_READ,
        Action.INBOX_READ_ALL,
        Action.NODE_LIST,
        Action.ONE_SHOT_LIST,
        Action.ONE_SHOT_READ,
        Action.PROCESS_LOOK,
        Action.PROFILE_READ,
        Action.PUSH_READ,
        Action.QUOTA_LOOK,
        Action.QUOTA_READ,
        Action.RECONCILER_READ,
        Action.SCHEDULE_LIST,
        Action.SESSION_LIST,
        Action.SHARE_LIST,
        Action.SSH_KEY_LIST,
        Action.SSH_GATEWAY,
        Action.SSH_LOOK,
        Action.STREAM_LIST,
        Action.TEAM_LIST,
        Action.TEAM_READ,
        Action.TEMPLATE_LIST,
        Action.TEMPLATE_PREVIEW,
        Action.TEMPLATE_READ,
        Action.TERMINAL_LOOK,
        Action.TYPE_LIST,
        Action.TYPE_LIST_ALL,
        Action.USER_LIST,
        Action.WEBHOOK_DELIVERIES,
        Action.WEBHOOK_LIST,
        Action.PORT_LIST,
        Action.PREVIEW_LIST,
        Action.PREVIEW_LOOK,
        Action.RUN_LOOK,
        Action.CONSENT_LIST,
        Action.FEATURE_LIST,
        Action.FEATURE_FRESHNESS,
        Action.CONNECTION_LIST,
        Action.CLOCK_SET,
        Action.HABIT_LIST,
        Action.HABIT_TICK,
        Action.MOOD_LIST,
        Action.MOOD_MARK,
        Action.TIP_ASK,
        Action.TIP_LOOK,
        Action.TIP_POLICY_LIST,
        Action.TIP_REVIEW,
        Action.TIP_CANDIDATE_LIST,
        Action.TIP_PHRASE_LIST,
        Action.TIP_SEEN,
        Action.TIP_REACT,  # a table of its own keeps it, and it is nobody else's business
    }
)
"""Successful looks are not audited, nor who read their own inbox or ticked a habit: refusals of them are."""


@dataclass(slots=True)
class _Call:
    """What is known about the operation under way."""

    action: Action
    authorised: bool = False
    target_type: str = ""
    target_id: str = ""
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    user_id: int | None = None
    username: str = ""


_current: ContextVar[_Call | None] = ContextVar("operation", default=None)


def operation(action: Action) -> Callable[[Operation[P, R]], Operation[P, R]]:
    """Make `async def f(tx, actor, …)` a use case under the gate."""

    def wrap(run: Operation[P, R]) -> Operation[P, R]:
        if action in OPERATIONS:
            raise RuntimeError(f"{action} is the work of {OPERATIONS[action].__qualname__} already")

        @functools.wraps(run)
        async def guarded(tx: Tx, actor: Actor, *args: P.args, **kwargs: P.kwargs) -> R:
            call = _Call(action)
            token = _current.set(call)
            try:
                result = await run(tx, actor, *args, **kwargs)
                if not call.authorised:
                    raise RuntimeError(f"{action} returned without asking require()")
            except PequerokuError as refusal:
                call.message = f"{refusal.code}: {refusal.message}"
                tx.after_refusal.append(lambda: _keep_refusal(_row(call, actor, success=False)))
                raise
            finally:
                _current.reset(token)
            if action not in _QUIET:
                record(tx, _row(call, actor, success=True))
            return result

        OPERATIONS[action] = guarded
        return guarded

    return wrap


def require(
    actor: Actor,
    action: Action,
    *,
    owner_id: int | None = None,
    role: Role | TeamRole | None = None,
    what: str = "That",
) -> None:
    """Let the operation go on only if the policy allows it. `role` is the actor's in what is shared with them.

    Raises:
        Unauthenticated: nobody is signed in.
        NotFound: `what` is somebody else's, and so invisible.
        ScopeTooSmall: it is an API key's, and more than that may.
        Forbidden: visible, but not the actor's to change; or they have to choose a new password first.
    """
    call = _current.get()
    if call is None or call.action is not action:
        raise RuntimeError(f"{action} is asked for outside its operation")
    if actor.must_change_password and action not in BEFORE_A_NEW_PASSWORD:
        raise Forbidden("Choose a new password first: the present one was set by somebody else.")
    verdict = judge(actor, action, owner_id=owner_id, role=role)
    if verdict is Verdict.ALLOW:
        call.authorised = True
        return
    if actor.user_id is None:
        raise Unauthenticated
    if verdict is Verdict.HIDE:
        raise NotFound(what)
    if not is_in_reach(actor.scope, action):
        raise ScopeTooSmall(scope_of(action))
    raise Forbidden


def note(
    target_type: str = "",
    target_id: object = "",
    message: str = "",
    *,
    user_id: int | None = None,
    username: str = "",
    **details: Any,
) -> None:
    """Say for the audit log what the operation under way is about.

    Args:
        user_id, username: who it is, where the actor was not known before.
    """
    call = _current.get()
    if call is None:
        return
    call.target_type = target_type or call.target_type
    call.target_id = str(target_id) or call.target_id
    call.message = message or call.message
    call.user_id = user_id if user_id is not None else call.user_id
    call.username = username or call.username
    call.details.update(details)


def _row(call: _Call, actor: Actor, *, success: bool) -> AuditLog:
    return AuditLog(
        user_id=actor.user_id if actor.user_id is not None else call.user_id,
        actor_name=_legible(actor.username or call.username)[:64],
        action=call.action,
        target_type=call.target_type,
        target_id=_legible(call.target_id)[:64],
        message=_legible(call.message)[:1000],
        details=call.details | _keys_of(actor),
        ip=actor.ip[:64],
        user_agent=_legible(actor.user_agent)[:400],
        via=actor.via,
        success=success,
    )


def _keys_of(actor: Actor) -> dict[str, str]:
    """What they came in with."""
    shown = {"api_key": actor.api_key, "ssh_key": actor.ssh_key}
    return {name: value for name, value in shown.items() if value}


def _legible(text: str) -> str:
    """Clients have a say in it: nothing that a database can't hold, or that moves in an operator's terminal."""
    return "".join(each if each.isprintable() else " " for each in text)


async def _keep_refusal(row: AuditLog) -> None:
    if row.user_id is None and row.ip and await _is_one_of_too_many(row):
        return
    async with transaction() as tx:
        record(tx, row)


async def _is_one_of_too_many(row: AuditLog) -> bool:
    """Whether as much of the same was kept from that address in the last minute as anybody reads.

    Who is not signed in could fill the disk with refusals otherwise: nobody needs a name to be refused.
    """
    since = now() - timedelta(minutes=1)
    same = (AuditLog.action == row.action, AuditLog.ip == row.ip, col(AuditLog.user_id).is_(None))
    query = select(AuditLog.id).where(*same, col(AuditLog.created_at) >= since).limit(_MOST_A_MINUTE)
    async with reading() as tx:
        return len((await tx.exec(query)).all()) >= _MOST_A_MINUTE
