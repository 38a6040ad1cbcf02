"""The tables. Importing this package registers all of them, which alembic relies on."""

from backend.models.audit import AuditLog
from backend.models.containers import Container, ContainerType, DesiredState, Phase, Status
from backend.models.identity import LoginThrottle, Session, User
from backend.models.nodes import Node, NodeLease
from backend.models.quotas import QuotaType, ResourceQuota

__all__ = [
    "AuditLog",
    "Container",
    "ContainerType",
    "DesiredState",
    "LoginThrottle",
    "Node",
    "NodeLease",
    "Phase",
    "QuotaType",
    "ResourceQuota",
    "Session",
    "Status",
    "User",
]
