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
    DISCONNECTED = "connection.revoked"
    WEBHOOK_FAILED = "webhook.failed"
    """Told in the inbox alone: else a webhook that fails would be told of itself."""


DELIVERED = [each for each in Notice if each is not Notice.WEBHOOK_FAILED]
"""What webhooks may choose from."""

WORDS = {
    Notice.STOPPED_BY_QUOTA: "Stopped by the quota",
    Notice.STOPPED_IDLE: "Stopped because idle",
    Notice.FAILED: "Something went wrong",
    Notice.EXPIRES_SOON: "Expires soon",
    Notice.EXPIRED: "Expired",
    Notice.SHARED: "Shared with you",
    Notice.MOVED: "Moved to another node",
    Notice.TEAM_JOINED: "Joined a team",
    Notice.SECURITY: "Security of your account",
    Notice.DISCONNECTED: "A connected account was revoked",
    Notice.WEBHOOK_FAILED: "A webhook failed",
}
