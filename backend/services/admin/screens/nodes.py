"""Nodes: the hosts."""

from sqlmodel import col, func, select

from backend.db import Tx
from backend.models import Container, DesiredState, Node
from backend.rules.placement import NodeFacts, get_node_score
from backend.services.admin.screen import Column, Expr, Facts, Screen, Show, yes_or_no

_SPENT = (
    Container.node_id == Node.id,
    col(Container.desired_state) == DesiredState.RUNNING,
    col(Container.delete_requested_at).is_(None),
)


def _used(what: Expr) -> Expr:
    return select(func.coalesce(what, 0)).where(*_SPENT).scalar_subquery()


async def _score(_tx: Tx, rows: list[Facts]) -> None:
    """Add the score, with what it is made of."""
    for row in rows:
        node = NodeFacts(
            id=row["node_id"],
            name=row["name"],
            healthy=row["healthy"],
            capacity_vcpus=row["capacity_vcpus"],
            capacity_mem_mb=row["capacity_mem_mb"],
            used_vcpus=row["used_vcpus"],
            used_mem_mb=row["used_mem_mb"],
            running_containers=row["running"],
        )
        row["score"] = round(get_node_score(node), 1)
        row["score_parts"] = (
            f"2 × {node.free_mem_mb:,} MiB free + 1 × {node.free_vcpus:,} vCPUs free"
            f" − ½ × {node.running_containers:,} running"
        )
        row["orphan_names"] = ", ".join(row.get("orphans") or []) or "none"


SCREEN = Screen(
    path="vm_manager/node",
    title="Nodes",
    one="node",
    icon="server",
    help="The hosts that run containers, what they can carry and what is in use there.",
    source=Node,
    key=col(Node.id),
    name=col(Node.name),
    target_type="node",
    columns=(
        Column("name", "Name", col(Node.name)),
        Column("node_id", of=col(Node.id), hidden=True),
        Column("healthy", "Healthy", col(Node.healthy), Show.SWITCH),
        Column("draining", "Draining", col(Node.draining), Show.SWITCH),
        Column("used_vcpus", "vCPUs in use", _used(func.sum(Container.vcpus)), Show.NUMBER),
        Column("capacity_vcpus", "of", col(Node.capacity_vcpus), Show.NUMBER),
        Column("used_mem_mb", "Memory in use", _used(func.sum(Container.memory_mb)), Show.NUMBER, unit="MiB"),
        Column("capacity_mem_mb", "of", col(Node.capacity_mem_mb), Show.NUMBER, unit="MiB"),
        Column("running", "Running", _used(func.count()), Show.NUMBER),
        Column("score", "Score", show=Show.NUMBER),
        Column("heartbeat_at", "Last answer", col(Node.heartbeat_at), Show.AT, has_empties=True),
    ),
    facts=(
        Column("score_parts", "The score is"),
        Column("reason", "What is wrong", col(Node.reason)),
        Column("uri", "URI", col(Node.uri), Show.CODE),
        Column("arch", "Architecture", col(Node.arch)),
        Column("kvm_available", "KVM there", col(Node.kvm_available), Show.SWITCH),
        Column("acceleration", "Runs by", col(Node.acceleration)),
        Column("prepared", "Prepared", col(Node.prepared), Show.SWITCH),
        Column("orphan_names", "Orphans"),
        Column("orphans", of=col(Node.orphans), hidden=True),
        Column("created_at", "Added", col(Node.created_at), Show.AT),
    ),
    finish=_score,
    search=(col(Node.name), col(Node.uri), col(Node.reason)),
    filters=(
        yes_or_no("healthy", "Healthy", col(Node.healthy)),
        yes_or_no("draining", "Draining", col(Node.draining)),
    ),
    ordering="name",
    links=(
        ("Containers there", "/admin/vm_manager/container/?node={id}"),
        ("What happened to it", "/admin/internal_config/auditlog/?target_type=node&target={id}"),
    ),
)
