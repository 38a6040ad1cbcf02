"""Nodes: the hosts."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import col

from backend.db import Tx
from backend.models import Node
from backend.rules.forms import Field, Kind
from backend.rules.placement import score_parts
from backend.rules.policy import Actor
from backend.services import nodes
from backend.services.admin.screen import Act, Column, Facts, Screen, Show, deletion, on_row, yes_or_no
from backend.services.placement import node_facts

_HELP_URI = "Such as qemu+ssh://root@host/system or qemu+tls://host/system. Test the connection before you add it."
_HELP_BLOCKED = (
    "The host's own public addresses, one a line: its guests can't reach them. Private ones are closed anyway."
)


async def _finish(tx: Tx, rows: list[Facts]) -> None:
    """Add what is in use, and the score with what it is made of."""
    known = {node.id: node for node in await node_facts(tx)}
    for row in rows:
        node = known[row["node_id"]]
        parts = score_parts(node)
        row["used_vcpus"], row["used_mem_mb"] = node.used_vcpus, node.used_mem_mb
        row["running"], row["score"] = node.running_containers, parts.total
        row["score_parts"] = (
            f"{parts.memory:,.0f} (2 × {node.free_mem_mb:,} MiB free) + {parts.vcpus:,.0f} (vCPUs free)"
            f" − {-parts.containers:,.1f} (½ × {node.running_containers:,} running)"
        )
        row["orphan_names"] = ", ".join(row.get("orphans") or []) or "none"


async def _values(tx: Tx, key: str) -> dict[str, Any]:
    node = await tx.get_one(Node, int(key))
    return {"name": node.name, "uri": node.uri, "blocked_cidrs": "\n".join(node.blocked_cidrs)}


async def _add(tx: Tx, actor: Actor, values: Mapping[str, Any]) -> int:
    return (await nodes.create_node(tx, actor, **_given(values))).id


async def _save(tx: Tx, actor: Actor, key: str, values: Mapping[str, Any]) -> None:
    await nodes.update_node(tx, actor, int(key), **_given(values))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "blocked_cidrs": str(values["blocked_cidrs"]).split()}


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
        Column("used_vcpus", "vCPUs in use", show=Show.NUMBER),
        Column("capacity_vcpus", "vCPUs", col(Node.capacity_vcpus), Show.NUMBER),
        Column("used_mem_mb", "Memory in use", show=Show.NUMBER, unit="MiB"),
        Column("capacity_mem_mb", "Memory", col(Node.capacity_mem_mb), Show.NUMBER, unit="MiB"),
        Column("running", "Running", show=Show.NUMBER),
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
    finish=_finish,
    search=(col(Node.name), col(Node.uri), col(Node.reason)),
    filters=(
        yes_or_no("healthy", "Healthy", col(Node.healthy)),
        yes_or_no("draining", "Draining", col(Node.draining)),
    ),
    ordering="name",
    model=Node,
    fields=(
        Field(name="name", label="Name", required=True, longest=64),
        Field(name="uri", label="URI", required=True, longest=500, help=_HELP_URI),
        Field(name="blocked_cidrs", label="Blocked addresses", kind=Kind.LONG, longest=4000, help=_HELP_BLOCKED),
    ),
    values=_values,
    add=_add,
    save=_save,
    acts=(
        Act(
            name="drain",
            label="Drain",
            icon="log-out",
            done="draining",
            run=on_row(nodes.drain_node),
            question="Nothing new is placed there, and its containers move to other nodes: live where libvirt can, "
            "else they are stopped, moved and started.",
            applies=lambda facts: not facts["draining"],
        ),
        Act(
            name="undrain",
            label="Undrain",
            icon="log-in",
            done="taking containers again",
            run=on_row(nodes.undrain_node),
            applies=lambda facts: bool(facts["draining"]),
        ),
        Act(name="wake", label="Look now", icon="refresh-cw", done="being looked at", run=on_row(nodes.wake_node)),
        deletion(
            nodes.delete_node,
            "We forget the host; nothing on it is touched. It must hold no containers.",
            done="forgotten",
        ),
    ),
    links=(
        ("Containers there", "/admin/vm_manager/container/?node={id}"),
        ("What happened to it", "/admin/internal_config/auditlog/?target_type=node&target={id}"),
    ),
)
