"""Who may do what: one table."""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from backend.rules.actions import Action
from backend.rules.actors import NOBODY, SYSTEM, Actor, Role, Scope, TeamRole, Via

__all__ = [
    "BEFORE_A_NEW_PASSWORD",
    "NOBODY",
    "SYSTEM",
    "Action",
    "Actor",
    "Relation",
    "Role",
    "Scope",
    "TeamRole",
    "Verdict",
    "Via",
    "allowed",
    "allowed_to",
    "has_rule",
    "highest",
    "is_in_reach",
    "judge",
    "scope_of",
]


class Relation(StrEnum):
    """What an actor is to a thing."""

    ANYONE = "anyone"  # even signed out
    USER = "user"  # any signed-in user
    VIEWER = "viewer"
    OPERATOR = "operator"
    MANAGER = "manager"
    TEAM_MEMBER = "team-member"
    TEAM_ADMIN = "team-admin"
    OWNER = "owner"
    SUPERUSER = "superuser"


class Verdict(StrEnum):
    """The gate's answer."""

    ALLOW = "allow"
    FORBID = "forbid"  # visible, so 403
    HIDE = "hide"  # invisible, so 404


_TABLE: dict[Action, tuple[Relation, Scope]] = {
    Action.USER_LOGIN: (Relation.ANYONE, Scope.ADMIN),
    Action.USER_LOGOUT: (Relation.OWNER, Scope.ADMIN),
    Action.USER_CREATE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.USER_SECOND_STEP: (Relation.ANYONE, Scope.ADMIN),
    Action.USER_TOKEN_LOGIN: (Relation.ANYONE, Scope.ADMIN),
    Action.USER_EXTERNAL_LOGIN: (Relation.ANYONE, Scope.ADMIN),
    Action.USER_SIGN_UP: (Relation.ANYONE, Scope.ADMIN),
    Action.USER_CHANGE_PASSWORD: (Relation.OWNER, Scope.ADMIN),
    Action.USER_LIST: (Relation.SUPERUSER, Scope.ADMIN),
    Action.USER_UPDATE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.USER_SET_ACTIVE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.USER_RESET_PASSWORD: (Relation.SUPERUSER, Scope.ADMIN),
    Action.USER_DELETE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.USER_ERASE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.PROFILE_READ: (Relation.USER, Scope.READ),
    Action.PROFILE_UPDATE: (Relation.USER, Scope.ADMIN),
    Action.ACCOUNT_DELETE: (Relation.USER, Scope.ADMIN),
    Action.ACCOUNT_EXPORT: (Relation.USER, Scope.ADMIN),
    Action.TOTP_BEGIN: (Relation.USER, Scope.ADMIN),
    Action.TOTP_ENABLE: (Relation.USER, Scope.ADMIN),
    Action.TOTP_DISABLE: (Relation.USER, Scope.ADMIN),
    Action.TOTP_RENEW_CODES: (Relation.USER, Scope.ADMIN),
    Action.IDENTITY_LIST: (Relation.USER, Scope.ADMIN),
    Action.IDENTITY_LINK: (Relation.USER, Scope.ADMIN),
    Action.IDENTITY_UNLINK: (Relation.OWNER, Scope.ADMIN),
    Action.INVITATION_LIST: (Relation.USER, Scope.ADMIN),
    Action.INVITATION_CREATE: (Relation.TEAM_ADMIN, Scope.ADMIN),
    Action.INVITATION_READ: (Relation.ANYONE, Scope.READ),
    Action.INVITATION_ACCEPT: (Relation.USER, Scope.ADMIN),
    Action.INVITATION_REVOKE: (Relation.OWNER, Scope.ADMIN),
    Action.KEY_LIST: (Relation.USER, Scope.ADMIN),
    Action.KEY_CREATE: (Relation.USER, Scope.ADMIN),
    Action.KEY_REVOKE: (Relation.OWNER, Scope.ADMIN),
    Action.SSH_KEY_LIST: (Relation.USER, Scope.ADMIN),
    Action.SSH_KEY_ADD: (Relation.USER, Scope.ADMIN),
    Action.SSH_KEY_REMOVE: (Relation.OWNER, Scope.ADMIN),
    Action.SSH_GATEWAY: (Relation.USER, Scope.READ),
    Action.SSH_LOGIN: (Relation.ANYONE, Scope.EXEC),
    Action.SSH_SESSION: (Relation.OPERATOR, Scope.EXEC),
    Action.SSH_FORWARD: (Relation.OPERATOR, Scope.EXEC),
    Action.SSH_LOOK: (Relation.OPERATOR, Scope.EXEC),
    Action.SSH_LOGOUT: (Relation.OWNER, Scope.READ),
    Action.SESSION_LIST: (Relation.USER, Scope.ADMIN),
    Action.SESSION_REVOKE: (Relation.OWNER, Scope.ADMIN),
    Action.CONTAINER_LIST: (Relation.USER, Scope.READ),
    Action.CONTAINER_READ: (Relation.VIEWER, Scope.READ),
    Action.CONTAINER_METRICS: (Relation.VIEWER, Scope.READ),
    Action.CONTAINER_CREATE: (Relation.USER, Scope.EXEC),
    Action.CONTAINER_POWER_ON: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_POWER_OFF: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_RESTART: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_DELETE: (Relation.OWNER, Scope.EXEC),
    Action.CONTAINER_RESIZE: (Relation.MANAGER, Scope.EXEC),
    Action.CONTAINER_KEEP: (Relation.MANAGER, Scope.EXEC),
    Action.CONTAINER_RENAME: (Relation.MANAGER, Scope.EXEC),
    Action.CONTAINER_SLEEP: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_START_AFRESH: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_DUPLICATE: (Relation.MANAGER, Scope.EXEC),
    Action.CONTAINER_CONSOLE: (Relation.OPERATOR, Scope.READ),
    Action.CONTAINER_LOGS: (Relation.VIEWER, Scope.READ),
    Action.CONTAINER_FAULT: (Relation.SUPERUSER, Scope.ADMIN),
    Action.CONTAINER_STOP_IDLE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.CONTAINER_WARN_EXPIRY: (Relation.SUPERUSER, Scope.ADMIN),
    Action.CONTAINER_EXPIRE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.CONTAINER_SEND_COMMAND: (Relation.OPERATOR, Scope.EXEC),
    Action.PROCESS_LOOK: (Relation.OPERATOR, Scope.EXEC),
    Action.PROCESS_STOP: (Relation.OPERATOR, Scope.EXEC),
    Action.ONE_SHOT_SUBMIT: (Relation.USER, Scope.EXEC),
    Action.ONE_SHOT_LIST: (Relation.USER, Scope.READ),
    Action.ONE_SHOT_READ: (Relation.OWNER, Scope.READ),
    Action.ONE_SHOT_CANCEL: (Relation.OWNER, Scope.EXEC),
    Action.FEED_READ: (Relation.USER, Scope.READ),
    Action.SCHEDULE_LIST: (Relation.VIEWER, Scope.READ),
    Action.SCHEDULE_CREATE: (Relation.MANAGER, Scope.EXEC),
    Action.SCHEDULE_UPDATE: (Relation.MANAGER, Scope.EXEC),
    Action.SCHEDULE_DELETE: (Relation.MANAGER, Scope.EXEC),
    Action.SCHEDULE_RUN: (Relation.SUPERUSER, Scope.ADMIN),
    Action.SHARE_LIST: (Relation.MANAGER, Scope.READ),
    Action.SHARE_SET: (Relation.MANAGER, Scope.ADMIN),
    Action.SHARE_END: (Relation.MANAGER, Scope.ADMIN),
    Action.SHARE_LEAVE: (Relation.VIEWER, Scope.ADMIN),
    Action.TEAM_LIST: (Relation.USER, Scope.READ),
    Action.TEAM_READ: (Relation.TEAM_MEMBER, Scope.READ),
    Action.TEAM_CREATE: (Relation.USER, Scope.ADMIN),
    Action.TEAM_UPDATE: (Relation.TEAM_ADMIN, Scope.ADMIN),
    Action.TEAM_DELETE: (Relation.OWNER, Scope.ADMIN),
    Action.TEAM_SET_ACTIVE: (Relation.OWNER, Scope.ADMIN),
    Action.TEAM_HAND_OVER: (Relation.OWNER, Scope.ADMIN),
    Action.TEAM_ADD_MEMBER: (Relation.TEAM_ADMIN, Scope.ADMIN),
    Action.TEAM_CHANGE_MEMBER: (Relation.TEAM_ADMIN, Scope.ADMIN),
    Action.TEAM_REMOVE_MEMBER: (Relation.TEAM_ADMIN, Scope.ADMIN),
    Action.TEAM_LEAVE: (Relation.TEAM_MEMBER, Scope.ADMIN),
    Action.WS_CONNECT: (Relation.OPERATOR, Scope.EXEC),
    Action.WS_DISCONNECT: (Relation.OWNER, Scope.READ),
    Action.TERMINAL_CLOSE: (Relation.OPERATOR, Scope.EXEC),
    Action.TERMINAL_LOOK: (Relation.OPERATOR, Scope.EXEC),
    Action.FILE_LOOK: (Relation.OPERATOR, Scope.EXEC),
    Action.FILE_WRITE: (Relation.OPERATOR, Scope.EXEC),
    Action.FILE_CREATE: (Relation.OPERATOR, Scope.EXEC),
    Action.FILE_MOVE: (Relation.OPERATOR, Scope.EXEC),
    Action.FILE_COPY: (Relation.OPERATOR, Scope.EXEC),
    Action.FILE_TRASH: (Relation.OPERATOR, Scope.EXEC),
    Action.FILE_RESTORE: (Relation.OPERATOR, Scope.EXEC),
    Action.FILE_CLONE: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_UPLOAD_FILE: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_DOWNLOAD_FILE: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_DOWNLOAD_FOLDER: (Relation.OPERATOR, Scope.EXEC),
    Action.TEMPLATE_LIST: (Relation.USER, Scope.READ),
    Action.TEMPLATE_READ: (Relation.USER, Scope.READ),
    Action.TEMPLATE_CREATE: (Relation.OWNER, Scope.EXEC),
    Action.TEMPLATE_UPDATE: (Relation.OWNER, Scope.EXEC),
    Action.TEMPLATE_DELETE: (Relation.OWNER, Scope.EXEC),
    Action.TEMPLATE_PREVIEW: (Relation.OPERATOR, Scope.EXEC),
    Action.TEMPLATE_APPLY: (Relation.OPERATOR, Scope.EXEC),
    Action.TEMPLATE_APPLIED: (Relation.OPERATOR, Scope.EXEC),
    Action.QUOTA_READ: (Relation.USER, Scope.READ),
    Action.QUOTA_LOOK: (Relation.SUPERUSER, Scope.ADMIN),
    Action.QUOTA_UPDATE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.QUOTA_GRANT: (Relation.SUPERUSER, Scope.ADMIN),
    Action.TYPE_LIST: (Relation.USER, Scope.READ),
    Action.TYPE_LIST_ALL: (Relation.SUPERUSER, Scope.ADMIN),
    Action.TYPE_CREATE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.TYPE_UPDATE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.TYPE_DELETE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.NODE_LIST: (Relation.SUPERUSER, Scope.ADMIN),
    Action.NODE_CREATE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.NODE_UPDATE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.NODE_DELETE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.NODE_CHECK: (Relation.SUPERUSER, Scope.ADMIN),
    Action.NODE_DRAIN: (Relation.SUPERUSER, Scope.ADMIN),
    Action.NODE_UNDRAIN: (Relation.SUPERUSER, Scope.ADMIN),
    Action.NODE_WAKE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.RECONCILER_READ: (Relation.SUPERUSER, Scope.ADMIN),
    Action.CONFIG_LIST: (Relation.SUPERUSER, Scope.ADMIN),
    Action.CONFIG_SET: (Relation.SUPERUSER, Scope.ADMIN),
    Action.ADMIN_OVERVIEW: (Relation.SUPERUSER, Scope.ADMIN),
    Action.ADMIN_LIST: (Relation.SUPERUSER, Scope.ADMIN),
    Action.ADMIN_READ: (Relation.SUPERUSER, Scope.ADMIN),
    Action.ADMIN_SAVE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.ADMIN_ASK: (Relation.SUPERUSER, Scope.ADMIN),
    Action.ADMIN_ACT: (Relation.SUPERUSER, Scope.ADMIN),
    Action.AUDIT_LIST: (Relation.SUPERUSER, Scope.ADMIN),
    Action.AUDIT_USER: (Relation.OWNER, Scope.READ),
    Action.AUDIT_CONTAINER: (Relation.OWNER, Scope.READ),
    Action.AUDIT_EXPORT: (Relation.SUPERUSER, Scope.ADMIN),
    Action.AUDIT_VERIFY: (Relation.SUPERUSER, Scope.ADMIN),
    Action.AUDIT_PRUNE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.AI_LOOK: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_OPEN: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_LIST: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_EXPORT: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_ASK: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_RETRY: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_ANSWER: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_STOP: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_GO_ON: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_FETCH: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_MCP_CALL: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_SET_MODE: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_RENAME: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_FORK: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_CLEAR: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_DELETE: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_CHANGES: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_UNDO: (Relation.OPERATOR, Scope.EXEC),
    Action.CHECKPOINT_LIST: (Relation.OPERATOR, Scope.READ),
    Action.CHECKPOINT_MAKE: (Relation.OPERATOR, Scope.EXEC),
    Action.CHECKPOINT_RESTORE: (Relation.OPERATOR, Scope.EXEC),
    Action.AI_USAGE_USER: (Relation.OWNER, Scope.READ),
    Action.AI_USAGE_CONTAINER: (Relation.OWNER, Scope.READ),
    Action.AI_USAGE_ALL: (Relation.SUPERUSER, Scope.ADMIN),
    Action.AI_CHECK: (Relation.SUPERUSER, Scope.ADMIN),
    Action.INBOX_LIST: (Relation.USER, Scope.READ),
    Action.INBOX_COUNT: (Relation.USER, Scope.READ),
    Action.INBOX_READ: (Relation.OWNER, Scope.EXEC),
    Action.INBOX_READ_ALL: (Relation.USER, Scope.EXEC),
    Action.WEBHOOK_LIST: (Relation.USER, Scope.READ),
    Action.WEBHOOK_CREATE: (Relation.USER, Scope.ADMIN),
    Action.WEBHOOK_UPDATE: (Relation.OWNER, Scope.ADMIN),
    Action.WEBHOOK_DELETE: (Relation.OWNER, Scope.ADMIN),
    Action.WEBHOOK_ROTATE: (Relation.OWNER, Scope.ADMIN),
    Action.WEBHOOK_TEST: (Relation.OWNER, Scope.ADMIN),
    Action.WEBHOOK_DELIVERIES: (Relation.OWNER, Scope.READ),
    Action.WEBHOOK_RESEND: (Relation.OWNER, Scope.ADMIN),
    Action.PUSH_READ: (Relation.USER, Scope.READ),
    Action.PUSH_SUBSCRIBE: (Relation.USER, Scope.ADMIN),
    Action.PUSH_UNSUBSCRIBE: (Relation.OWNER, Scope.ADMIN),
    Action.PUSH_SET_QUIET: (Relation.USER, Scope.ADMIN),
    Action.STREAM_LIST: (Relation.SUPERUSER, Scope.ADMIN),
    Action.PORT_LIST: (Relation.OPERATOR, Scope.READ),
    Action.PREVIEW_LIST: (Relation.VIEWER, Scope.READ),
    Action.PREVIEW_OPEN: (Relation.VIEWER, Scope.READ),
    Action.PREVIEW_ENTER: (Relation.ANYONE, Scope.READ),
    Action.PREVIEW_LOOK: (Relation.VIEWER, Scope.READ),
    Action.PREVIEW_SHOW_TO: (Relation.MANAGER, Scope.ADMIN),
    Action.PREVIEW_LINK: (Relation.MANAGER, Scope.ADMIN),
    Action.PREVIEW_UNLINK: (Relation.MANAGER, Scope.ADMIN),
    Action.RUN_LOOK: (Relation.OPERATOR, Scope.READ),
    Action.RUN_START: (Relation.OPERATOR, Scope.EXEC),
    Action.RUN_STOP: (Relation.OPERATOR, Scope.EXEC),
    Action.CONSENT_LIST: (Relation.USER, Scope.READ),
    Action.CONSENT_GIVE: (Relation.USER, Scope.ADMIN),
    Action.CONSENT_WITHDRAW: (Relation.USER, Scope.ADMIN),
    Action.FEATURE_LIST: (Relation.USER, Scope.READ),
    Action.FEATURE_FRESHNESS: (Relation.SUPERUSER, Scope.ADMIN),
    Action.CONNECTION_LIST: (Relation.USER, Scope.READ),
    Action.CONNECTION_MAKE: (Relation.USER, Scope.ADMIN),
    Action.CONNECTION_CALENDAR: (Relation.USER, Scope.ADMIN),
    Action.CONNECTION_END: (Relation.OWNER, Scope.ADMIN),
    Action.CLOCK_SET: (Relation.USER, Scope.EXEC),
    Action.HABIT_LIST: (Relation.USER, Scope.READ),
    Action.HABIT_ADD: (Relation.USER, Scope.EXEC),
    Action.HABIT_TICK: (Relation.OWNER, Scope.EXEC),
    Action.HABIT_ARCHIVE: (Relation.OWNER, Scope.EXEC),
    Action.HABIT_DELETE: (Relation.OWNER, Scope.EXEC),
    Action.MOOD_LIST: (Relation.USER, Scope.READ),
    Action.MOOD_MARK: (Relation.USER, Scope.EXEC),
    Action.MOOD_FORGET: (Relation.USER, Scope.EXEC),
    Action.TIP_ASK: (Relation.USER, Scope.EXEC),
    Action.TIP_LOOK: (Relation.USER, Scope.READ),
    Action.TIP_SEEN: (Relation.OWNER, Scope.EXEC),
    Action.TIP_REACT: (Relation.OWNER, Scope.EXEC),
    Action.TIP_ACT: (Relation.OWNER, Scope.EXEC),
    Action.TIP_UNDO: (Relation.OWNER, Scope.EXEC),
    Action.TIP_POLICY_LIST: (Relation.SUPERUSER, Scope.ADMIN),
    Action.TIP_POLICY_MOVE: (Relation.SUPERUSER, Scope.ADMIN),
    Action.TIP_REVIEW: (Relation.SUPERUSER, Scope.ADMIN),
    Action.TIP_CANDIDATE_LIST: (Relation.SUPERUSER, Scope.ADMIN),
    Action.TIP_PHRASE_LIST: (Relation.SUPERUSER, Scope.ADMIN),
}

BEFORE_A_NEW_PASSWORD = frozenset({Action.USER_CHANGE_PASSWORD, Action.USER_LOGOUT})
"""All that may be done by who has to choose another password first."""

_SCOPES = list(Scope)
_LADDERS: tuple[list[tuple[Role | TeamRole, Relation]], ...] = (
    [(Role.VIEWER, Relation.VIEWER), (Role.OPERATOR, Relation.OPERATOR), (Role.MANAGER, Relation.MANAGER)],
    [(TeamRole.MEMBER, Relation.TEAM_MEMBER), (TeamRole.ADMIN, Relation.TEAM_ADMIN)],
)
"""What each role counts as: a role may do what stands up to its own place on its ladder."""


def judge(actor: Actor, action: Action, *, owner_id: int | None = None, role: Role | TeamRole | None = None) -> Verdict:
    """Decide. `owner_id` is the owner of the thing acted on, `role` the actor's own in what is shared with them.

    A superuser may do what an owner may. Somebody else's thing is invisible unless it is shared. An action without
    a rule is forbidden, and so is what an API key's scope does not reach.
    """
    if action not in _TABLE:
        return Verdict.FORBID
    needed, _ = _TABLE[action]
    if not is_in_reach(actor.scope, action):
        return Verdict.FORBID
    if needed is Relation.ANYONE or actor.is_superuser:
        return Verdict.ALLOW
    if needed in (Relation.USER, Relation.SUPERUSER):
        is_enough = needed is Relation.USER and actor.user_id is not None
        return Verdict.ALLOW if is_enough else Verdict.FORBID
    if actor.user_id is not None and actor.user_id == owner_id:
        return Verdict.ALLOW
    if role is None or actor.user_id is None:
        return Verdict.HIDE
    return Verdict.ALLOW if needed in _relations(role) else Verdict.FORBID


def is_in_reach(scope: Scope, action: Action) -> bool:
    """Whether a key of that scope may do such a thing at all, where its person may."""
    return action in _TABLE and _SCOPES.index(scope) >= _SCOPES.index(_TABLE[action][1])


def scope_of(action: Action) -> Scope:
    """The least scope that an API key needs for the action."""
    return _TABLE[action][1]


def has_rule(action: Action) -> bool:
    """Whether the table speaks of the action (the accounting tests ask)."""
    return action in _TABLE


def allowed_to(role: Role | TeamRole) -> list[Action]:
    """What a role may do with what is shared with it, for people to read."""
    return [action for action, (needed, _) in _TABLE.items() if needed in _relations(role)]


def allowed(actor: Actor, *, owner_id: int, role: Role | TeamRole | None) -> frozenset[Action]:
    """All that the actor may do with one thing, so that pages offer that and nothing else."""
    is_owner = actor.user_id is not None and actor.user_id == owner_id
    return _allowed(actor.scope, actor.is_superuser, actor.user_id is not None, is_owner, role)


@lru_cache(maxsize=256)
def _allowed(
    scope: Scope, is_superuser: bool, is_somebody: bool, is_owner: bool, role: Role | TeamRole | None
) -> frozenset[Action]:
    """All that `judge` looks at: lists ask this for each of their rows."""
    actor, owner_id = Actor(1 if is_somebody else None, is_superuser=is_superuser, scope=scope), 1 if is_owner else 2
    return frozenset(each for each in _TABLE if judge(actor, each, owner_id=owner_id, role=role) is Verdict.ALLOW)


def highest(roles: Iterable[Role]) -> Role | None:
    """What somebody is who was given all these roles; None who was given none."""
    return max(roles, key=list(Role).index, default=None)


def _relations(role: Role | TeamRole) -> list[Relation]:
    for ladder in _LADDERS:
        known = [each for each, _ in ladder]
        if role in known:
            return [relation for _, relation in ladder[: known.index(role) + 1]]
    return []
