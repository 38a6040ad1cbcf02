"""What the policy allows, in words for people: the one place that says it. The policy itself is rules/policy.py."""

from backend.rules.policy import Action, Role, TeamRole, allowed_to

ROLE_NAMES: dict[Role, str] = {Role.VIEWER: "Viewer", Role.OPERATOR: "Operator", Role.MANAGER: "Manager"}
TEAM_ROLE_NAMES: dict[TeamRole, str] = {TeamRole.MEMBER: "Member", TeamRole.ADMIN: "Admin"}

_DEEDS: dict[Action, str] = {
    Action.CONTAINER_READ: "See it, its state and its figures",
    Action.CONTAINER_POWER_ON: "Start, stop and restart it",
    Action.CONTAINER_POWER_OFF: "Start, stop and restart it",
    Action.CONTAINER_RESTART: "Start, stop and restart it",
    Action.SCHEDULE_LIST: "See when it starts and stops by itself",
    Action.WS_CONNECT: "Use its terminals: everything inside, as root",
    Action.TERMINAL_CLOSE: "Use its terminals: everything inside, as root",
    Action.TERMINAL_LOOK: "Use its terminals: everything inside, as root",
    Action.TEMPLATE_PREVIEW: "Put template files into it",
    Action.TEMPLATE_APPLY: "Put template files into it",
    Action.TEMPLATE_APPLIED: "Put template files into it",
    Action.CONTAINER_RESIZE: "Change its size",
    Action.CONTAINER_KEEP: "Keep it for longer",
    Action.SCHEDULE_CREATE: "Plan when it starts and stops",
    Action.SCHEDULE_UPDATE: "Plan when it starts and stops",
    Action.SCHEDULE_DELETE: "Plan when it starts and stops",
    Action.SHARE_LIST: "Share it with others, and end that",
    Action.SHARE_SET: "Share it with others, and end that",
    Action.SHARE_END: "Share it with others, and end that",
    Action.SHARE_LEAVE: "Give it up again",
    Action.TEAM_READ: "See who is in the team and what is shared with it",
    Action.TEAM_LEAVE: "Leave the team",
    Action.TEAM_UPDATE: "Rename and describe it",
    Action.INVITATION_CREATE: "Add, invite, change and remove people",
    Action.TEAM_ADD_MEMBER: "Add, invite, change and remove people",
    Action.TEAM_CHANGE_MEMBER: "Add, invite, change and remove people",
    Action.TEAM_REMOVE_MEMBER: "Add, invite, change and remove people",
}
"""A test sees to it that everything a role is allowed stands here."""


def deeds_of(role: Role | TeamRole) -> list[str]:
    """All that a role may do, each once, the lesser first."""
    return list(dict.fromkeys(_DEEDS[each] for each in _DEEDS if each in allowed_to(role)))


def unsaid() -> set[Action]:
    """What a role is allowed and nobody is told of: must be nothing."""
    return {each for role in (*Role, *TeamRole) for each in allowed_to(role)} - _DEEDS.keys()
