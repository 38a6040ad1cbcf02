"""Who may do what: one table."""

from dataclasses import dataclass
from enum import StrEnum


class Via(StrEnum):
    """The door an actor came through."""

    WEB = "web"
    API = "api"
    AGENT = "agent"
    SYSTEM = "system"


class Scope(StrEnum):
    """How far an API key reaches; each includes the one before. A signed-in person has all of it."""

    READ = "read"
    EXEC = "exec"
    ADMIN = "admin"


class Role(StrEnum):
    """What a person may do with a container that is shared with them; each includes the one before."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does an operation, and from where."""

    user_id: int | None
    username: str = ""
    is_superuser: bool = False
    via: Via = Via.WEB
    ip: str = ""
    user_agent: str = ""
    session_id: int | None = None
    scope: Scope = Scope.ADMIN


SYSTEM = Actor(None, "system", is_superuser=True, via=Via.SYSTEM)
NOBODY = Actor(None, "")


class Action(StrEnum):
    """Everything that can be done; the audit log speaks the same words."""

    USER_LOGIN = "user.login"
    USER_LOGOUT = "user.logout"
    USER_CREATE = "user.create"
    USER_CHANGE_PASSWORD = "user.change_password"  # noqa: S105 - the name of an action
    SESSION_LIST = "session.list"
    SESSION_REVOKE = "session.revoke"
    CONTAINER_LIST = "container.list"
    CONTAINER_READ = "container.read"
    CONTAINER_CREATE = "container.create"
    CONTAINER_POWER_ON = "container.power_on"
    CONTAINER_POWER_OFF = "container.power_off"
    CONTAINER_RESTART = "container.restart"
    CONTAINER_DELETE = "container.delete"
    TERMINAL_OPEN = "terminal.open"
    TERMINAL_CLOSE = "terminal.close"
    TERMINAL_LOOK = "terminal.look"
    QUOTA_READ = "quota.read"
    TYPE_LIST = "type.list"
    NODE_LIST = "node.list"
    NODE_CREATE = "node.create"
    NODE_UPDATE = "node.update"
    NODE_DELETE = "node.delete"
    NODE_CHECK = "node.check"
    NODE_DRAIN = "node.drain"
    NODE_UNDRAIN = "node.undrain"
    NODE_WAKE = "node.wake"
    RECONCILER_READ = "reconciler.read"
    CONFIG_LIST = "config.list"
    CONFIG_SET = "config.set"
    ADMIN_OVERVIEW = "admin.overview"
    ADMIN_LIST = "admin.list"
    ADMIN_READ = "admin.read"
    ADMIN_SAVE = "admin.save"
    ADMIN_ACT = "admin.act"


class Relation(StrEnum):
    """What an actor is to a thing."""

    ANYONE = "anyone"  # even signed out
    USER = "user"  # any signed-in user
    VIEWER = "viewer"
    OPERATOR = "operator"
    MANAGER = "manager"
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
    Action.USER_CHANGE_PASSWORD: (Relation.OWNER, Scope.ADMIN),
    Action.SESSION_LIST: (Relation.USER, Scope.ADMIN),
    Action.SESSION_REVOKE: (Relation.OWNER, Scope.ADMIN),
    Action.CONTAINER_LIST: (Relation.USER, Scope.READ),
    Action.CONTAINER_READ: (Relation.VIEWER, Scope.READ),
    Action.CONTAINER_CREATE: (Relation.USER, Scope.EXEC),
    Action.CONTAINER_POWER_ON: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_POWER_OFF: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_RESTART: (Relation.OPERATOR, Scope.EXEC),
    Action.CONTAINER_DELETE: (Relation.OWNER, Scope.EXEC),
    Action.TERMINAL_OPEN: (Relation.OPERATOR, Scope.EXEC),
    Action.TERMINAL_CLOSE: (Relation.OPERATOR, Scope.EXEC),
    Action.TERMINAL_LOOK: (Relation.OPERATOR, Scope.EXEC),
    Action.QUOTA_READ: (Relation.USER, Scope.READ),
    Action.TYPE_LIST: (Relation.USER, Scope.READ),
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
    Action.ADMIN_ACT: (Relation.SUPERUSER, Scope.ADMIN),
}

_SCOPES = list(Scope)
_ROLES = [Relation.VIEWER, Relation.OPERATOR, Relation.MANAGER]
"""In the order of Role: a role may do what stands up to its own place."""


def judge(actor: Actor, action: Action, *, owner_id: int | None = None, role: Role | None = None) -> Verdict:
    """Decide. `owner_id` is the owner of the thing acted on, `role` the actor's own in what is shared with them.

    A superuser may do what an owner may. Somebody else's thing is invisible unless it is shared. An action without
    a rule is forbidden, and so is what an API key's scope does not reach.
    """
    if action not in _TABLE:
        return Verdict.FORBID
    needed, scope = _TABLE[action]
    if _SCOPES.index(actor.scope) < _SCOPES.index(scope):
        return Verdict.FORBID
    if needed is Relation.ANYONE or actor.is_superuser:
        return Verdict.ALLOW
    if needed in (Relation.USER, Relation.SUPERUSER):
        is_enough = needed is Relation.USER and actor.user_id is not None
        return Verdict.ALLOW if is_enough else Verdict.FORBID
    if actor.user_id is not None and actor.user_id == owner_id:
        return Verdict.ALLOW
    if role is None:
        return Verdict.HIDE
    allowed = _ROLES[: list(Role).index(role) + 1]
    return Verdict.ALLOW if needed in allowed else Verdict.FORBID


def has_rule(action: Action) -> bool:
    """Whether the table speaks of the action (the accounting tests ask)."""
    return action in _TABLE


def allowed_to(role: Role) -> list[Action]:
    """What a role may do with what is shared with it, for people to read."""
    allowed = _ROLES[: list(Role).index(role) + 1]
    return [action for action, (needed, _) in _TABLE.items() if needed in allowed]
