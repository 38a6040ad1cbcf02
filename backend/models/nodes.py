"""Hosts that run VMs, and which task process looks after each."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field

from backend.models.base import Table, at_field, id_field


class Node(Table, table=True):
    """A host: a libvirt URI, what it can carry, and when it last answered."""

    __tablename__ = "node"

    id: int = id_field()
    name: str = Field(max_length=64, unique=True, index=True)
    uri: str = Field(max_length=500)
    host_id: str = Field(default="", max_length=64)
    """Which machine it is, whatever URI leads to it; empty where that is not to be known."""
    arch: str = Field(default="", max_length=16)
    kvm_available: bool = False
    acceleration: str = Field(default="", max_length=8)
    """`kvm` or `tcg`, found by a boot probe or set by the operator; empty until known."""
    capacity_vcpus: int = 0
    capacity_mem_mb: int = 0
    healthy: bool = False
    heartbeat_at: datetime | None = at_field(nullable=True)
    draining: bool = False
    """An operator wants it empty: nothing is placed here, and what is here moves away."""
    prepared: bool = False
    """Image, network and filters are in place: new machines can boot here."""
    reason: str = Field(default="it has not been looked at yet", max_length=500)
    """Why it is not healthy or not prepared, as the end of a sentence; empty when all is well."""
    blocked_cidrs: list[str] = Field(default_factory=list, sa_type=JSON)
    """The node's own addresses beside the private ranges: guests may reach none of them."""
    orphans: list[str] = Field(default_factory=list, sa_type=JSON)
    """Names of domains and disks with our prefix that no row accounts for. Never deleted by us."""
    created_at: datetime = at_field(set_now=True)


class NodeLease(Table, table=True):
    """Who drives a node now. A task process may act on it only while its fence is the newest."""

    __tablename__ = "node_lease"

    node_id: int = Field(primary_key=True, foreign_key="node.id", ondelete="CASCADE")
    holder: str = Field(default="", max_length=64)
    fence: int = 0
    expires_at: datetime = at_field(set_now=True)


class Leftover(Table, table=True):
    """A disk on a node that a move has left there and nobody uses: the node's reconciler deletes it."""

    __tablename__ = "leftover"

    id: int = id_field()
    node_id: int = Field(foreign_key="node.id", index=True, ondelete="CASCADE")
    domain: str = Field(max_length=80)
    disk: str = Field(max_length=80)
    created_at: datetime = at_field(set_now=True)
