"""What a person's use of the platform says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.rules.signals.readings import Reading

EXPIRY_IS_NEAR = timedelta(hours=48)
_LEAST_FAILURES = 2
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Box:
    """A container that runs: since when nobody used it, what it costs, when it is deleted."""

    id: int
    name: str
    credits: int
    unused_since: datetime | None
    expires_at: datetime | None
    is_running: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """A command that failed in a container; `digest` tells commands apart."""

    container_id: int
    name: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is asked of the platform about one person. `down_nodes` is None for who may not know of nodes."""

    boxes: Sequence[Box]
    failures: Sequence[Failure]
    credits_left: int
    ai_uses_left: int
    untried: tuple[str, str] | None
    """Slug and name of a template that was never put into a container of theirs."""
    down_nodes: Sequence[tuple[int, str, datetime | None]] | None


def derive(facts: Facts, at: datetime) -> list[Reading]:
    """What the facts say at `at`. What there is nothing to say of is not among it."""
    found = [
        Reading("platform.credits_left", facts.credits_left),
        Reading("platform.ai_uses_left", facts.ai_uses_left),
        _idle(facts.boxes, at),
        _failing(facts.failures),
        _expiring(facts.boxes, at),
        _untried(facts.untried),
        _down(facts.down_nodes),
    ]
    return [each for each in found if each is not None]


def _idle(boxes: Sequence[Box], at: datetime) -> Reading | None:
    """The idlest of what runs; the dearest of those that are as idle."""
    running = [each for each in boxes if each.is_running and each.unused_since is not None]
    if not running:
        return None
    idlest = min(running, key=lambda box: (box.unused_since or at, -box.credits, box.id))
    since = idlest.unused_since or at
    hours = max(0.0, (at - since).total_seconds() / _HOUR_S)
    detail = {
        "container_id": idlest.id,
        "name": idlest.name,
        "credits": idlest.credits,
        "idle_hours": round(hours, 1),
    }
    return Reading("platform.idle_vm", hours, detail, event_at=since)


def _failing(failures: Sequence[Failure]) -> Reading | None:
    """The command that failed most often, the latest of equals; one failure alone is nothing to speak of."""
    counts = Counter((each.container_id, each.digest) for each in failures)
    if not counts or max(counts.values()) < _LEAST_FAILURES:
        return None
    most = max(counts.values())
    worst = max((each for each in failures if counts[each.container_id, each.digest] == most), key=lambda f: f.at)
    detail = {"container_id": worst.container_id, "name": worst.name, "times": most}
    return Reading("platform.failing_command", most, detail, event_at=worst.at)


def _expiring(boxes: Sequence[Box], at: datetime) -> Reading | None:
    ends = [(each.expires_at, each) for each in boxes if each.expires_at is not None]
    near = [(end, box) for end, box in ends if end - at <= EXPIRY_IS_NEAR]
    if not near:
        return None
    end, first = min(near, key=lambda pair: (pair[0], pair[1].id))
    hours = max(0.0, (end - at).total_seconds() / _HOUR_S)
    detail = {"container_id": first.id, "name": first.name, "hours_left": round(hours, 1)}
    return Reading("platform.expiry_near", hours, detail)


def _untried(template: tuple[str, str] | None) -> Reading | None:
    if template is None:
        return None
    return Reading("platform.template_unused", 1, {"slug": template[0], "name": template[1]})


def _down(nodes: Sequence[tuple[int, str, datetime | None]] | None) -> Reading | None:
    """The one named is the one that has been silent for longest."""
    if not nodes:
        return None
    node_id, name, heard_at = min(nodes, key=lambda node: (node[2] is not None, node[2], node[0]))
    return Reading("platform.node_unhealthy", len(nodes), {"node_id": node_id, "name": name}, event_at=heard_at)
