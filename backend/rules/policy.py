"""Who may do what: one table."""

from dataclasses import dataclass
from enum import StrEnum


class Via(StrEnum):
    """The door an actor came through."""

    WEB = "web"
    API = "api"
    AGENT = "agent"
    SYSTEM = "system"


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
    NODE_DELETE = "node.delete"


class Relation(StrEnum):
    """What an actor is to a thing."""

    ANYONE = "anyone"  # even signed out
    USER = "user"  # any signed-in user
    OWNER = "owner"
    SUPERUSER = "superuser"


class Verdict(StrEnum):
    """The gate's answer."""

    ALLOW = "allow"
    FORBID = "forbid"  # visible, so 403
    HIDE = "hide"  # invisible, so 404


_TABLE: dict[Action, Relation] = {
    Action.USER_LOGIN: Relation.ANYONE,
    Action.USER_LOGOUT: Relation.OWNER,
    Action.USER_CREATE: Relation.SUPERUSER,
    Action.USER_CHANGE_PASSWORD: Relation.OWNER,
    Action.SESSION_LIST: Relation.USER,
    Action.SESSION_REVOKE: Relation.OWNER,
    Action.CONTAINER_LIST: Relation.USER,
    Action.CONTAINER_READ: Relation.OWNER,
    Action.CONTAINER_CREATE: Relation.USER,
    Action.CONTAINER_POWER_ON: Relation.OWNER,
    Action.CONTAINER_POWER_OFF: Relation.OWNER,
    Action.CONTAINER_RESTART: Relation.OWNER,
    Action.CONTAINER_DELETE: Relation.OWNER,
    Action.TERMINAL_OPEN: Relation.OWNER,
    Action.TERMINAL_CLOSE: Relation.OWNER,
    Action.TERMINAL_LOOK: Relation.OWNER,
    Action.QUOTA_READ: Relation.USER,
    Action.TYPE_LIST: Relation.USER,
    Action.NODE_LIST: Relation.SUPERUSER,
    Action.NODE_CREATE: Relation.SUPERUSER,
    Action.NODE_DELETE: Relation.SUPERUSER,
}


def judge(actor: Actor, action: Action, *, owner_id: int | None = None) -> Verdict:
    """Decide. `owner_id` is the owner of the thing acted on, where there is one.

    A superuser may do what an owner may. Somebody else's thing is invisible. An action without a rule is forbidden.
    """
    needed = _TABLE.get(action)
    if needed is Relation.ANYONE or (needed is not None and actor.is_superuser):
        return Verdict.ALLOW
    if needed is Relation.USER and actor.user_id is not None:
        return Verdict.ALLOW
    if needed is Relation.OWNER:
        owns = actor.user_id is not None and actor.user_id == owner_id
        return Verdict.ALLOW if owns else Verdict.HIDE
    return Verdict.FORBID


def has_rule(action: Action) -> bool:
    """Whether the table speaks of the action (the accounting tests ask)."""
    return action in _TABLE
