"""Containers as the pages show them: plain data for the browser, made from what services return. Pure."""

from dataclasses import dataclass
from typing import Any

from backend.services.views import ContainerView, TypeView, UsageView

_STARTING = {
    "placing": "Placing",
    "disk": "Making disk",
    "booting": "Booting",
    "guest": "Waiting for the guest",
}
_STEPS = {
    "placing": "Choose a node",
    "disk": "Make the disk",
    "booting": "Boot the machine",
    "guest": "Wait for the guest",
}
_LABELS = {
    "running": "Running",
    "stopped": "Stopped",
    "error": "Error",
    "unknown": "Unknown",
    "stopping": "Stopping",
    "restarting": "Restarting",
    "deleting": "Deleting",
}
_TONES = {"running": "good", "stopped": "off", "error": "bad", "unknown": "warn"}


@dataclass(frozen=True)
class Row:
    """One container, in words."""

    id: int
    key: str
    name: str
    type_name: str
    size: str
    disk: str
    cost: str
    node: str
    status: str
    label: str
    tone: str
    reason: str
    since: str
    """When the start under way began, ISO; empty where nothing is starting."""
    created_at: str
    has_usage: bool
    shows_terminal: bool
    can_start: bool
    can_retry: bool
    can_stop: bool
    can_restart: bool
    can_delete: bool


@dataclass(frozen=True)
class StepRow:
    """A step of a start. `state`: done, now, todo, skipped or failed."""

    label: str
    state: str
    at: str
    until: str


@dataclass(frozen=True)
class WeighedRow:
    """A node's part in the choice of one."""

    name: str
    chosen: bool
    memory: str
    vcpus: str
    running: str
    verdict: str


@dataclass(frozen=True)
class UsageRow:
    """Live figures, ready to be drawn."""

    cpu_percent: int
    cpu: str
    mem_percent: int
    mem: str


@dataclass(frozen=True)
class TypeRow:
    """A type that can be chosen; `why_not` says what is in the way."""

    id: str
    name: str
    memory: str
    vcpus: str
    disk: str
    cost: str
    affordable: bool
    why_not: str


def row(view: ContainerView) -> Row:
    """A container for the pages."""
    status = view.activity
    return Row(
        id=view.id,
        key=str(view.id),
        name=view.name,
        type_name=view.type_name,
        size=f"{_count(view.vcpus, 'vCPU')} · {_gib(view.memory_mb)}",
        disk=f"{view.disk_gib} GiB disk",
        cost=_count(view.credits_cost, "credit"),
        node=view.node_name,
        status=status,
        label=_LABELS.get(status) or _STARTING.get(view.phase, "Starting"),
        tone=_TONES.get(status, "busy"),
        reason=view.reason if status in ("error", "unknown") else "",
        since=view.phases[0].at.isoformat() if status == "starting" and view.phases else "",
        created_at=view.created_at.isoformat(),
        has_usage=status == "running",
        shows_terminal=status == "running" or (status == "unknown" and view.desired_state == "running"),
        can_start=status == "stopped",
        can_retry=status == "error",
        can_stop=status in ("running", "starting", "restarting", "error") and view.desired_state == "running",
        can_restart=status == "running",
        can_delete=status != "deleting",
    )


def steps(view: ContainerView) -> list[StepRow]:
    """The steps of the start under way, or of the one that failed."""
    began = {each.phase: each.at.isoformat() for each in view.phases}
    order = list(_STEPS)
    last = max((order.index(phase) for phase in began if phase in _STEPS), default=-1)
    failed = view.status == "error"
    found: list[StepRow] = []
    for index, (phase, label) in enumerate(_STEPS.items()):
        later = next((began[each] for each in order[index + 1 :] if each in began), "")
        if index > last:
            state = "todo"
        elif index == last:
            state = "failed" if failed else "now"
        else:
            state = "done" if phase in began else "skipped"
        shown = "Use the disk it has" if phase == "disk" and state == "skipped" else label
        found.append(StepRow(shown, state, began.get(phase, ""), later))
    return found


def weighed(placement: dict[str, Any]) -> list[WeighedRow]:
    """What was weighed when the node was chosen, best first."""
    return [
        WeighedRow(
            name=each["name"],
            chosen=each["name"] == placement.get("node_name"),
            memory=f"{_gib(each['free_mem_mb'])} free",
            vcpus=f"{_count(each['free_vcpus'], 'vCPU')} free",
            running=f"{each['running_containers']} running",
            verdict=each["why_not"] if each["score"] is None else f"score {each['score']:,.0f}",
        )
        for each in placement.get("weighed", [])
    ]


def usage_row(view: UsageView) -> UsageRow:
    """CPU and memory of a running container."""
    cpu = round(min(100.0, max(0.0, view.cpu_percent)))
    if not view.mem_used_mb or not view.mem_total_mb:
        return UsageRow(cpu, f"{cpu} %", 0, "–")
    share = min(100, round(100 * view.mem_used_mb / view.mem_total_mb))
    return UsageRow(cpu, f"{cpu} %", share, f"{view.mem_used_mb:,} / {view.mem_total_mb:,} MiB")


def type_row(view: TypeView, *, left: int) -> TypeRow:
    """A type to choose from."""
    short = f"Needs {view.credits_cost}, you have {left} left"
    return TypeRow(
        id=str(view.id),
        name=view.name,
        memory=f"{_gib(view.memory_mb)} memory",
        vcpus=_count(view.vcpus, "vCPU"),
        disk=f"{view.disk_gib} GiB disk",
        cost=_count(view.credits_cost, "credit"),
        affordable=view.affordable,
        why_not="" if view.affordable else short,
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _gib(mib: int) -> str:
    return f"{mib} MiB" if abs(mib) < 1024 else f"{mib / 1024:.1f} GiB".replace(".0 ", " ")
