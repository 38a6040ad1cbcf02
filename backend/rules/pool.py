"""How many machines are kept warm, and which of them go when their room is needed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.rules.placement import NodeFacts, Size

REST = timedelta(hours=24)
"""How long a type is kept warm in full after somebody created one; then one of it is, until somebody does again."""


@dataclass(frozen=True, slots=True)
class Warm:
    """A machine that is kept warm. `is_wanted`: its type is still kept so, and it is of that size."""

    container_id: int
    type_id: int
    node_id: int
    size: Size
    is_wanted: bool = True


def wanted(target: int, last_created_at: datetime | None, at: datetime) -> int:
    """How many of a type to keep on a node. What was never created counts as new: all are kept."""
    is_resting = last_created_at is not None and at - last_created_at >= REST
    return min(target, 1) if is_resting else target


def surplus(warm: Sequence[Warm], keep: int) -> list[Warm]:
    """Those of one type on one node that go: all that are not wanted, then the newest."""
    stays = sorted((each for each in warm if each.is_wanted), key=lambda each: each.container_id)
    return [each for each in warm if not each.is_wanted] + stays[keep:]


def lacking(node: NodeFacts, size: Size, *, have: int, keep: int) -> int:
    """How many more of that size to boot there: what is free for people now is left free by half.

    So a pool never takes a node's last room, and does not boot what the next who creates something would end.
    """
    if not node.is_up or size.memory_mb < 1 or size.vcpus < 1:
        return 0
    room = min(node.free_mem_mb // 2 // size.memory_mb, node.free_vcpus // 2 // size.vcpus)
    return max(0, min(keep - have, room))


def evicted(warm: Sequence[Warm], node: NodeFacts, size: Size) -> list[Warm] | None:
    """Which warm machines of a node go so that `size` fits there: newest first, until it does. None: it never would."""
    memory_mb, vcpus = node.free_mem_mb, node.free_vcpus
    going: list[Warm] = []
    here = sorted((each for each in warm if each.node_id == node.id), key=lambda each: -each.container_id)
    for each in here:
        if memory_mb >= size.memory_mb and vcpus >= size.vcpus:
            break
        going.append(each)
        memory_mb, vcpus = memory_mb + each.size.memory_mb, vcpus + each.size.vcpus
    return going if memory_mb >= size.memory_mb and vcpus >= size.vcpus else None
