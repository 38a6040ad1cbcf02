"""What the policy allows, in words for people: the one place that says it. The policy itself is rules/policy.py."""

from backend.rules.policy import Action, Role, TeamRole, allowed_to

ROLE_NAMES: dict[Role, str] = {Role.VIEWER: "Viewer", Role.OPERATOR: "Operator", Role.MANAGER: "Manager"}
TEAM_ROLE_NAMES: dict[TeamRole, str] = {TeamRole.MEMBER: "Member", TeamRole.ADMIN: "Admin"}

_DEEDS: dict[Action, str] = {
    Action.CONTAINER_READ: "See it, its state and its figures",
    Action.CONTAINER_METRICS: "See it, its state and its figures",
    Action.CONTAINER_POWER_ON: "Start, stop and restart it",
    Action.CONTAINER_POWER_OFF: "Start, stop and restart it",
    Action.CONTAINER_RESTART: "Start, stop and restart it",
    Action.CONTAINER_SLEEP: "Put it to sleep and wake it",
    Action.CONTAINER_START_AFRESH: "Put it to sleep and wake it",
    Action.CONTAINER_LOGS: "See what happened to it",
    Action.CONTAINER_CONSOLE: "Read its console",
    Action.CONTAINER_RENAME: "Rename it",
    Action.CONTAINER_DUPLICATE: "Make a copy of it, with all that is on its disk",
    Action.SCHEDULE_LIST: "See when it starts and stops by itself",
    Action.WS_CONNECT: "Use its terminals: everything inside, as root",
    Action.TERMINAL_CLOSE: "Use its terminals: everything inside, as root",
    Action.TERMINAL_LOOK: "Use its terminals: everything inside, as root",
    Action.SSH_SESSION: "Use its terminals: everything inside, as root",
    Action.SSH_FORWARD: "Use its terminals: everything inside, as root",
    Action.SSH_LOOK: "Use its terminals: everything inside, as root",
    Action.CONTAINER_SEND_COMMAND: "Run commands in it, and stop them",
    Action.PROCESS_LOOK: "Run commands in it, and stop them",
    Action.PROCESS_STOP: "Run commands in it, and stop them",
    Action.FILE_LOOK: "See, change, upload and download its files",
    Action.FILE_WRITE: "See, change, upload and download its files",
    Action.FILE_CREATE: "See, change, upload and download its files",
    Action.FILE_MOVE: "See, change, upload and download its files",
    Action.FILE_COPY: "See, change, upload and download its files",
    Action.FILE_TRASH: "See, change, upload and download its files",
    Action.FILE_RESTORE: "See, change, upload and download its files",
    Action.FILE_CLONE: "See, change, upload and download its files",
    Action.CONTAINER_UPLOAD_FILE: "See, change, upload and download its files",
    Action.CONTAINER_DOWNLOAD_FILE: "See, change, upload and download its files",
    Action.CONTAINER_DOWNLOAD_FOLDER: "See, change, upload and download its files",
    Action.AI_LOOK: "Let the assistant work in it, at their own cost",
    Action.AI_OPEN: "Let the assistant work in it, at their own cost",
    Action.AI_LIST: "Let the assistant work in it, at their own cost",
    Action.AI_EXPORT: "Let the assistant work in it, at their own cost",
    Action.AI_ASK: "Let the assistant work in it, at their own cost",
    Action.AI_RETRY: "Let the assistant work in it, at their own cost",
    Action.AI_ANSWER: "Let the assistant work in it, at their own cost",
    Action.AI_STOP: "Let the assistant work in it, at their own cost",
    Action.AI_GO_ON: "Let the assistant work in it, at their own cost",
    Action.AI_FETCH: "Let the assistant work in it, at their own cost",
    Action.AI_MCP_CALL: "Let the assistant work in it, at their own cost",
    Action.AI_SET_MODE: "Let the assistant work in it, at their own cost",
    Action.AI_RENAME: "Let the assistant work in it, at their own cost",
    Action.AI_FORK: "Let the assistant work in it, at their own cost",
    Action.AI_CLEAR: "Let the assistant work in it, at their own cost",
    Action.AI_DELETE: "Let the assistant work in it, at their own cost",
    Action.AI_CHANGES: "Let the assistant work in it, at their own cost",
    Action.AI_UNDO: "Let the assistant work in it, at their own cost",
    Action.CHECKPOINT_LIST: "Make checkpoints of its disk, and set it back to one",
    Action.CHECKPOINT_MAKE: "Make checkpoints of its disk, and set it back to one",
    Action.CHECKPOINT_RESTORE: "Make checkpoints of its disk, and set it back to one",
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
    Action.PREVIEW_LIST: "Open the previews that are shown to everybody it is shared with",
    Action.PREVIEW_OPEN: "Open the previews that are shown to everybody it is shared with",
    Action.PREVIEW_LOOK: "Open the previews that are shown to everybody it is shared with",
    Action.PORT_LIST: "See what listens in it, and open the preview of any port",
    Action.RUN_LOOK: "Run what it is for, and stop that",
    Action.RUN_START: "Run what it is for, and stop that",
    Action.RUN_STOP: "Run what it is for, and stop that",
    Action.PREVIEW_SHOW_TO: "Show previews to others, also by links for anybody",
    Action.PREVIEW_LINK: "Show previews to others, also by links for anybody",
    Action.PREVIEW_UNLINK: "Show previews to others, also by links for anybody",
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
