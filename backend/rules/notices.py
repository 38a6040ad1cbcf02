"""What people are told of while they are away: the kinds, in words."""

from enum import StrEnum


class Notice(StrEnum):
    """A kind of notification; webhooks choose by it."""

    STOPPED_BY_QUOTA = "container.stopped_by_quota"
    STOPPED_IDLE = "container.stopped_idle"
    FAILED = "container.failed"
    EXPIRES_SOON = "container.expires_soon"
    EXPIRED = "container.expired"
    SHARED = "container.shared"
    MOVED = "container.moved"
    TEAM_JOINED = "team.joined"
    SECURITY = "account.security"
