"""The latest figures of running containers: kept in memory, carried by events, never in the way."""

from collections.abc import Iterable

from backend.events.bus import Event, UsageSampled
from backend.models.base import now
from backend.services.views import UsageView

_latest: dict[int, UsageView] = {}
_by_node: dict[int, set[int]] = {}


def latest(container_ids: Iterable[int]) -> dict[int, UsageView]:
    """The newest figures of those containers that have any."""
    return {each: _latest[each] for each in container_ids if each in _latest}


def hear(event: Event) -> None:
    """Take in a sample (subscribe this to the bus, once a process). What a node no longer tells of is forgotten."""
    if not isinstance(event, UsageSampled):
        return
    told = {int(key): values for key, values in event.figures.items()}
    for gone in _by_node.get(event.node_id, set()) - told.keys():
        _latest.pop(gone, None)
    _by_node[event.node_id] = set(told)
    at = now()
    for container_id, values in told.items():
        cpu, used, total = values[:3]
        _latest[container_id] = UsageView(container_id, cpu or 0.0, _whole(used), _whole(total), tuple(values), at)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
