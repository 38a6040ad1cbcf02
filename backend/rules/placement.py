"""Which node gets a container."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Size:
    """What a container asks of a node."""

    memory_mb: int
    vcpus: int


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node as placement sees it; `used_*` sum what runs or is meant to run there."""

    id: int
    name: str
    healthy: bool
    capacity_vcpus: int
    capacity_mem_mb: int
    used_vcpus: int
    used_mem_mb: int
    running_containers: int
    trouble: str = ""  # why nothing can boot there, though it may answer
    draining: bool = False
    arch: str = ""

    @property
    def free_mem_mb(self) -> int:
        return self.capacity_mem_mb - self.used_mem_mb

    @property
    def free_vcpus(self) -> int:
        return self.capacity_vcpus - self.used_vcpus

    @property
    def is_up(self) -> bool:
        """Whether anything could boot there, were there room."""
        return self.healthy and not self.trouble and not self.draining


@dataclass(frozen=True, slots=True)
class Weighed:
    """One node's part in a decision. `score` is None where the node was out of the question, and `why_not` says why."""

    name: str
    score: float | None
    free_mem_mb: int
    free_vcpus: int
    running_containers: int
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The node chosen (None: nobody can), and everything that was weighed, best first."""

    node_id: int | None
    node_name: str
    weighed: tuple[Weighed, ...]
    warm: bool = False
    """It was booted there already, and nobody's."""

    def as_json(self) -> dict[str, Any]:
        """Plain data, to be kept with the container."""
        return asdict(self)

    @property
    def why_nobody(self) -> str:
        """A clause a person can read when no node was found."""
        if not self.weighed:
            return "there is no node yet"
        return ", ".join(f"{each.name} {each.why_not}" for each in self.weighed if each.why_not)


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """What a node's score is the sum of."""

    memory: float
    vcpus: float
    containers: float

    @property
    def total(self) -> float:
        return self.memory + self.vcpus + self.containers


def score_parts(node: NodeFacts) -> ScoreParts:
    """The terms of get_node_score, for people to read."""
    return ScoreParts(2.0 * node.free_mem_mb, 1.0 * node.free_vcpus, -0.5 * node.running_containers)


def get_node_score(node: NodeFacts) -> float:
    """Higher is better: 2.0 × free MiB + 1.0 × free vCPUs − 0.5 × running containers.

    Memory dominates on purpose: it is what is never overcommitted.
    Source: the scheduling helper of the original Pequeroku.
    """
    return score_parts(node).total


def why_not(node: NodeFacts, size: Size) -> str:
    """Why `node` can't take `size`, as the end of a sentence that begins with its name; empty when it can."""
    if not node.healthy:
        return f"does not answer ({node.trouble})" if node.trouble else "does not answer"
    if node.trouble:
        return f"is not ready ({node.trouble})"
    if node.draining:
        return "is being emptied"
    if node.free_mem_mb < size.memory_mb:
        return f"has {max(0, node.free_mem_mb)} MiB of memory free, {size.memory_mb} asked"
    if node.free_vcpus < size.vcpus:
        return f"has {max(0, node.free_vcpus)} vCPUs free, {size.vcpus} asked"
    return ""


def choose(nodes: Sequence[NodeFacts], size: Size) -> Decision:
    """Pick the feasible healthy node with the highest score; ties go to the smaller id."""
    weighed: list[tuple[NodeFacts, Weighed]] = []
    for node in nodes:
        reason = why_not(node, size)
        score = None if reason else get_node_score(node)
        fact = Weighed(node.name, score, node.free_mem_mb, node.free_vcpus, node.running_containers, reason)
        weighed.append((node, fact))
    weighed.sort(key=lambda pair: (pair[1].score is None, -(pair[1].score or 0.0), pair[0].id))
    facts = tuple(fact for _, fact in weighed)
    if not weighed or facts[0].score is None:
        return Decision(None, "", facts)
    return Decision(weighed[0][0].id, weighed[0][0].name, facts)
