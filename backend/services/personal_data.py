"""Which rows are about a person, table by table: all of them are exported, and none survives the account.

The test of this registry walks every table that there is: one with a way to a user has to stand here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import ColumnElement, exists
from sqlmodel import SQLModel, col, or_, select

from backend import models
from backend.events.durable import as_json

Mine = Callable[[int], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Holding:
    """A table with rows about people. `hidden`: columns that nobody is shown, with the reason; `spelled`: those that
    JSON can't say, and how a person can read them."""

    table: type[SQLModel]
    mine: Mine
    hidden: Mapping[str, str]
    spelled: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict[str, Callable[[Any], Any]])

    @property
    def name(self) -> str:
        return str(cast(Any, self.table).__tablename__)


_HASH = "proves who one is, and is kept as a hash only"
_SEALED = "is sealed, and opens a door"
_OURS = "is the installation's, not the person's"


def _direct(column: Any) -> Mine:
    return lambda user_id: col(column) == user_id


def _through(column: Any, parent: type[SQLModel], owner: Any) -> Mine:
    """Rows that belong to a row of `parent` that is the user's."""
    key = cast(Any, parent).id
    return lambda user_id: exists().where(key == col(column), col(owner) == user_id)


def _text(said: bytes) -> str:
    return said.decode(errors="replace")


def _any(*ways: Mine) -> Mine:
    return lambda user_id: or_(*(way(user_id) for way in ways))


def _about(user_id: int) -> ColumnElement[bool]:
    """Audit rows of what the user did, and of what was done to them; not to somebody before, whose number they got."""
    log = models.AuditLog
    since = select(models.User.created_at).where(models.User.id == user_id).scalar_subquery()
    target = (col(log.target_type) == "user") & (col(log.target_id) == str(user_id))
    return or_(col(log.user_id) == user_id, target & (col(log.created_at) >= since))


def _of_decision(column: Any) -> Mine:
    return _through(column, models.TipDecision, models.TipDecision.user_id)


def _of_reward(user_id: int) -> ColumnElement[bool]:
    reward, decision = models.TipReward, models.TipDecision
    mine = (col(reward.id) == col(models.TipLearnt.reward_id), col(reward.decision_id) == col(decision.id))
    return exists().where(*mine, col(decision.user_id) == user_id)


_CONTAINER, _TEMPLATE, _TEAM = models.Container, models.FileTemplate, models.Team
HOLDINGS: tuple[Holding, ...] = (
    Holding(models.User, _direct(models.User.id), {"password_hash": _HASH, "totp_secret_sealed": _SEALED}),
    Holding(models.ResourceQuota, _direct(models.ResourceQuota.user_id), {}),
    Holding(
        models.QuotaType, _through(models.QuotaType.quota_id, models.ResourceQuota, models.ResourceQuota.user_id), {}
    ),
    Holding(models.Session, _direct(models.Session.user_id), {"token_hash": _HASH}),
    Holding(models.ExternalIdentity, _direct(models.ExternalIdentity.user_id), {}),
    Holding(models.RecoveryCode, _direct(models.RecoveryCode.user_id), {"code_hash": _HASH}),
    Holding(models.ApiKey, _direct(models.ApiKey.user_id), {"secret_hash": _HASH}),
    Holding(models.Repeat, _direct(models.Repeat.user_id), {"digest": _OURS, "attempt": _OURS}),
    Holding(models.SshKey, _direct(models.SshKey.user_id), {}),
    Holding(
        models.Invitation,
        _any(_direct(models.Invitation.invited_by_id), _direct(models.Invitation.accepted_by_id)),
        {"token_hash": _HASH},
    ),
    Holding(_TEAM, _direct(_TEAM.owner_id), {}),
    Holding(models.TeamMembership, _direct(models.TeamMembership.user_id), {}),
    Holding(_CONTAINER, _direct(_CONTAINER.user_id), {"private_key_sealed": _SEALED, "placement": _OURS}),
    Holding(models.UsagePoint, _through(models.UsagePoint.container_id, _CONTAINER, _CONTAINER.user_id), {}),
    Holding(
        models.ContainerSchedule, _through(models.ContainerSchedule.container_id, _CONTAINER, _CONTAINER.user_id), {}
    ),
    Holding(
        models.ContainerConsole, _through(models.ContainerConsole.container_id, _CONTAINER, _CONTAINER.user_id), {}
    ),
    Holding(models.ContainerEvent, _through(models.ContainerEvent.container_id, _CONTAINER, _CONTAINER.user_id), {}),
    Holding(
        models.ContainerShare,
        _any(
            _direct(models.ContainerShare.user_id),
            _through(models.ContainerShare.container_id, _CONTAINER, _CONTAINER.user_id),
        ),
        {},
    ),
    Holding(models.Checkpoint, _through(models.Checkpoint.container_id, _CONTAINER, _CONTAINER.user_id), {}),
    Holding(models.PreviewPort, _through(models.PreviewPort.container_id, _CONTAINER, _CONTAINER.user_id), {}),
    Holding(
        models.PreviewLink,
        _any(
            _direct(models.PreviewLink.user_id),
            _through(models.PreviewLink.container_id, _CONTAINER, _CONTAINER.user_id),
        ),
        {"token_hash": _HASH},
    ),
    Holding(models.PreviewPass, _direct(models.PreviewPass.user_id), {"token_hash": _HASH}),
    Holding(_TEMPLATE, _direct(_TEMPLATE.owner_id), {}),
    Holding(models.FileTemplateItem, _through(models.FileTemplateItem.template_id, _TEMPLATE, _TEMPLATE.owner_id), {}),
    Holding(
        models.OneShotRun, _direct(models.OneShotRun.user_id), {"holder": _OURS}, {"stdout": _text, "stderr": _text}
    ),
    Holding(models.FeedEvent, _direct(models.FeedEvent.user_id), {}),
    Holding(models.Notification, _direct(models.Notification.user_id), {}),
    Holding(models.Webhook, _direct(models.Webhook.user_id), {"secret_sealed": _SEALED}),
    Holding(
        models.WebhookDelivery, _through(models.WebhookDelivery.webhook_id, models.Webhook, models.Webhook.user_id), {}
    ),
    Holding(models.AuditLog, _about, {"hash": _OURS, "private_digest": _OURS}),
    Holding(models.AIUsageLog, _direct(models.AIUsageLog.user_id), {}),
    Holding(models.AIConversation, _direct(models.AIConversation.user_id), {}),
    Holding(models.AIMemory, _direct(models.AIMemory.user_id), {}),
    Holding(
        models.AITurn,
        _through(models.AITurn.conversation_id, models.AIConversation, models.AIConversation.user_id),
        {"session_id": _OURS},
    ),
    Holding(
        models.AIEvent,
        _through(models.AIEvent.conversation_id, models.AIConversation, models.AIConversation.user_id),
        {},
    ),
    Holding(models.StreamEvent, _direct(models.StreamEvent.user_id), {"subject": _OURS}, {"payload": as_json}),
    Holding(
        models.PushSubscription,
        _direct(models.PushSubscription.user_id),
        {"sealed": _SEALED, "endpoint_digest": _HASH},
    ),
    Holding(models.PushTurn, _direct(models.PushTurn.user_id), {}),
    Holding(models.Telling, _direct(models.Telling.user_id), {}),
    Holding(models.PushSent, _through(models.PushSent.telling_id, models.Telling, models.Telling.user_id), {}),
    Holding(models.ConsentEntry, _direct(models.ConsentEntry.user_id), {}),
    Holding(
        models.ConnectedAccount,
        _direct(models.ConnectedAccount.user_id),
        {"access_sealed": _SEALED, "refresh_sealed": _SEALED, "key_id": _OURS},
    ),
    Holding(models.SignalRun, _direct(models.SignalRun.user_id), {}),
    Holding(models.TipFeature, _direct(models.TipFeature.user_id), {}),
    Holding(models.CommandFailure, _direct(models.CommandFailure.user_id), {"digest": _HASH}),
    Holding(models.PersonClock, _direct(models.PersonClock.user_id), {}),
    Holding(models.Habit, _direct(models.Habit.user_id), {}),
    Holding(models.HabitMark, _through(models.HabitMark.habit_id, models.Habit, models.Habit.user_id), {}),
    Holding(models.MoodMark, _direct(models.MoodMark.user_id), {}),
    Holding(models.TipCandidate, _direct(models.TipCandidate.user_id), {"digest": _OURS}),
    Holding(models.TipDecision, _direct(models.TipDecision.user_id), {"seed": _OURS, "idempotency_key": _OURS}),
    Holding(models.TipReaction, _of_decision(models.TipReaction.decision_id), {}),
    Holding(models.TipReward, _of_decision(models.TipReward.decision_id), {}),
    Holding(models.TipLearnt, _of_reward, {}),
    Holding(models.TipAction, _of_decision(models.TipAction.decision_id), {"token_hash": _HASH}),
    Holding(models.Config, _direct(models.Config.updated_by_id), {"value": _OURS, "description": _OURS}),
)
