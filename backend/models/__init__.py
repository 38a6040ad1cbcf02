"""The tables. Importing this package registers all of them, which alembic relies on."""

from backend.models.ai import AIConversation, AIEvent, AIMemory, AITurn, TurnStatus
from backend.models.audit import AIUsageLog, AuditChain, AuditLog
from backend.models.checkpoints import Checkpoint, CheckpointState
from backend.models.config import Config
from backend.models.containers import (
    Container,
    ContainerConsole,
    ContainerEvent,
    ContainerSchedule,
    ContainerType,
    DesiredState,
    MoveWay,
    Phase,
    Status,
)
from backend.models.identity import ExternalIdentity, Invitation, LoginThrottle, RecoveryCode, Session, User
from backend.models.inbox import Notification, Webhook, WebhookDelivery
from backend.models.keys import ApiKey, SshKey
from backend.models.nodes import Leftover, Node, NodeLease
from backend.models.previews import PreviewLink, PreviewPass, PreviewPort
from backend.models.programs import FeedEvent, OneShotRun
from backend.models.quotas import QuotaType, ResourceQuota
from backend.models.repeats import Repeat
from backend.models.signals import (
    CommandFailure,
    ConnectedAccount,
    ConsentEntry,
    Habit,
    HabitMark,
    MoodMark,
    PersonClock,
    SignalRun,
    TipFeature,
)
from backend.models.stats import UsagePoint
from backend.models.streams import PushSent, PushSubscription, PushTurn, StreamEvent, Telling, WorkLease
from backend.models.teams import ContainerShare, Team, TeamMembership
from backend.models.templates import FileTemplate, FileTemplateItem, ShippedTemplate
from backend.models.tips import (
    TipAction,
    TipCandidate,
    TipDecision,
    TipGateReport,
    TipLearnt,
    TipPhrase,
    TipPolicy,
    TipReaction,
    TipReward,
)

__all__ = [
    "AIConversation",
    "AIEvent",
    "AIMemory",
    "AITurn",
    "AIUsageLog",
    "ApiKey",
    "AuditChain",
    "AuditLog",
    "Checkpoint",
    "CheckpointState",
    "CommandFailure",
    "Config",
    "ConnectedAccount",
    "ConsentEntry",
    "Container",
    "ContainerConsole",
    "ContainerEvent",
    "ContainerSchedule",
    "ContainerShare",
    "ContainerType",
    "DesiredState",
    "ExternalIdentity",
    "FeedEvent",
    "FileTemplate",
    "FileTemplateItem",
    "Habit",
    "HabitMark",
    "Invitation",
    "Leftover",
    "LoginThrottle",
    "MoodMark",
    "MoveWay",
    "Node",
    "NodeLease",
    "Notification",
    "OneShotRun",
    "PersonClock",
    "Phase",
    "PreviewLink",
    "PreviewPass",
    "PreviewPort",
    "PushSent",
    "PushSubscription",
    "PushTurn",
    "QuotaType",
    "RecoveryCode",
    "Repeat",
    "ResourceQuota",
    "Session",
    "ShippedTemplate",
    "SignalRun",
    "SshKey",
    "Status",
    "StreamEvent",
    "Team",
    "TeamMembership",
    "Telling",
    "TipAction",
    "TipCandidate",
    "TipDecision",
    "TipFeature",
    "TipGateReport",
    "TipLearnt",
    "TipPhrase",
    "TipPolicy",
    "TipReaction",
    "TipReward",
    "TurnStatus",
    "UsagePoint",
    "User",
    "Webhook",
    "WebhookDelivery",
    "WorkLease",
]
