"""Containers as the pages show them: plain data for the browser, made from what services return. Pure."""

from dataclasses import dataclass, replace
from typing import Any

from backend.rules.deeds import ROLE_NAMES
from backend.rules.policy import Action
from backend.rules.sizes import FullSize
from backend.services import ssh_host_key
from backend.services.views import ContainerView, ScheduleView, TypeView, UsageView
from pequeroku_ui.state.wording import count, moment, tone_of

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
    "moving": "Moving to another node",
    "copying": "Copying",
    "deleting": "Deleting",
}


_ASLEEP = {"stopped": "Asleep", "stopping": "Going to sleep", "starting": "Waking"}


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
    forecast: str = ""
    """What a start would leave of my credits; empty where it is none of my business."""
    overridden: str = ""
    next_size: str = ""
    """What it has after its next start, where that differs."""
    expires_at: str = ""
    is_expiry_near: bool = False
    keep: str = ""
    """What the button says that puts its end off; empty where there is none."""
    has_settings: bool = False
    owner: str = ""
    """Whose it is; empty where it is mine."""
    role: str = ""
    """What I am to it; empty where it is mine."""
    shared_with: str = ""
    """For whoever may share it: with whom it is."""
    can_share: bool = False
    can_terminal: bool = False
    can_apply: bool = False
    """A template may be put into it now."""
    can_leave: bool = False
    can_rename: bool = False
    can_copy: bool = False
    can_sleep: bool = False
    can_start_afresh: bool = False
    """It sleeps, and may be booted instead of woken."""
    is_asleep: bool = False
    can_see_console: bool = False
    idle_stop: str = ""
    """After how long without use it is stopped; empty: never."""
    can_see_activity: bool = False
    ssh: str = ""
    """What to type to get in by SSH; empty where one may not, or can't."""


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
    forecast: str = ""
    """What a start of it leaves; or, for a resize, what it would mean."""


@dataclass(frozen=True)
class ScheduleRow:
    """A start or stop at a time of day. `next_at` is empty while it is off."""

    id: int
    what: str
    when: str
    enabled: bool
    next_at: str


def row(view: ContainerView) -> Row:
    """A container for the pages."""
    status, may = view.activity, view.allowed
    return Row(
        id=view.id,
        key=str(view.id),
        name=view.name,
        type_name=view.type_name,
        size=f"{count(view.vcpus, 'vCPU')} · {_gib(view.memory_mb)}",
        disk=f"{view.disk_gib} GiB disk",
        cost=count(view.credits_cost, "credit"),
        node=view.node_name,
        status=status,
        label=_label(view),
        tone=tone_of(status),
        reason=view.reason if status in ("error", "unknown") else "",
        since=view.phases[0].at.isoformat() if status == "starting" and view.phases else "",
        created_at=view.created_at.isoformat(),
        has_usage=status == "running",
        shows_terminal=Action.WS_CONNECT in may
        and (status == "running" or (status == "unknown" and view.desired_state == "running")),
        can_start=status == "stopped" and Action.CONTAINER_POWER_ON in may,
        can_retry=status == "error" and Action.CONTAINER_POWER_ON in may,
        can_stop=status in ("running", "starting", "restarting", "error")
        and view.desired_state == "running"
        and Action.CONTAINER_POWER_OFF in may,
        can_restart=status == "running" and Action.CONTAINER_RESTART in may,
        can_delete=status != "deleting" and Action.CONTAINER_DELETE in may,
        owner="" if view.is_mine else view.owner,
        role="" if view.is_mine else ROLE_NAMES[view.role] if view.role else "Administrator",
        shared_with=_some_of(view.shared_with),
        can_share=status != "deleting" and Action.SHARE_SET in may,
        can_terminal=Action.WS_CONNECT in may,
        can_apply=status == "running" and Action.TEMPLATE_APPLY in may,
        can_leave=Action.SHARE_LEAVE in may,
        can_see_activity=Action.AUDIT_CONTAINER in may,
        ssh=_ssh(view),
        **_acts(view),
        **_life(view),
    )


def _label(view: ContainerView) -> str:
    status = view.activity
    if view.is_asleep and status in _ASLEEP:
        return _ASLEEP[status]
    return _LABELS.get(status) or _STARTING.get(view.phase, "Starting")


def _ssh(view: ContainerView) -> str:
    if Action.SSH_SESSION not in view.allowed or view.activity == "deleting":
        return ""
    return ssh_host_key.view().command(view.name if view.is_mine else f"{view.name}.{view.owner}")


def _acts(view: ContainerView) -> dict[str, Any]:
    """What else can be done with it now."""
    status, may = view.activity, view.allowed
    is_off = status in ("stopped", "error")
    has_copy = status in ("running", "stopped") and view.has_disk and not view.is_asleep
    return {
        "can_rename": status != "deleting" and Action.CONTAINER_RENAME in may,
        "can_copy": has_copy and Action.CONTAINER_DUPLICATE in may,
        "can_sleep": status == "running" and Action.CONTAINER_SLEEP in may,
        "can_start_afresh": is_off and view.is_asleep and Action.CONTAINER_START_AFRESH in may,
        "is_asleep": view.is_asleep,
        "can_see_console": Action.CONTAINER_CONSOLE in may,
    }


def _life(view: ContainerView) -> dict[str, Any]:
    """Its price, its size and its time to come."""
    may_keep = view.expires_at is not None and Action.CONTAINER_KEEP in view.allowed and not view.deleting
    return {
        "forecast": _forecast(view.leaves, view.limit, "Starting it ") if view.leaves is not None else "",
        "overridden": " and ".join(view.overridden),
        "next_size": _size(view.next_size) if view.next_size else "",
        "expires_at": moment(view.expires_at),
        "is_expiry_near": view.is_expiry_near,
        "idle_stop": _span(view.idle_stop_min) if view.idle_stop_min else "",
        "keep": f"Keep it for another {_span(view.lifetime_h * 60)}" if may_keep else "",
        "has_settings": Action.CONTAINER_RESIZE in view.allowed and not view.deleting,
    }


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
            vcpus=f"{count(each['free_vcpus'], 'vCPU')} free",
            running=f"{each['running_containers']} running",
            verdict=_verdict(each, is_warm=each["name"] == placement.get("node_name") and placement.get("warm", False)),
        )
        for each in placement.get("weighed", [])
    ]


def _verdict(weighed: dict[str, Any], *, is_warm: bool) -> str:
    if is_warm:
        return "had one ready"
    return weighed["why_not"] if weighed["score"] is None else f"score {weighed['score']:,.0f}"


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
        vcpus=count(view.vcpus, "vCPU"),
        disk=f"{view.disk_gib} GiB disk",
        cost=count(view.credits_cost, "credit"),
        affordable=view.affordable,
        why_not="" if view.affordable else short,
        forecast=_forecast(view.leaves, view.limit),
    )


def resize_row(view: TypeView, *, of: ContainerView) -> TypeRow:
    """A type for a container that is there already: its own price is given back when it is exchanged."""
    runs = of.desired_state == "running"
    leaves = view.leaves + of.credits_cost if runs else view.leaves
    short = f"Needs {view.credits_cost}, you have {leaves + view.credits_cost} for it"
    fits = leaves >= 0 or not runs
    keeps_disk = f"keeps its {of.disk_gib} GiB disk" if of.disk_gib > view.disk_gib else f"{view.disk_gib} GiB disk"
    return replace(
        type_row(view, left=leaves),
        disk=keeps_disk,
        affordable=fits,
        why_not="" if fits else short,
        forecast=_forecast(leaves, view.limit) if runs else "",
    )


def schedule_row(view: ScheduleView) -> ScheduleRow:
    """A start or stop at a time of day, in words."""
    return ScheduleRow(
        id=view.id,
        what="Start" if view.starts else "Stop",
        when=f"{view.when}, {view.time_zone}",
        enabled=view.enabled,
        next_at=moment(view.next_at),
    )


def _forecast(leaves: int, limit: int, what: str = "") -> str:
    if leaves < 0:
        return f"{what}needs {count(-leaves, 'more credit')}"
    return f"{what}leaves {leaves} of {limit}" + (" credits" if what else "")


def _size(size: FullSize) -> str:
    return f"{count(size.vcpus, 'vCPU')} · {_gib(size.memory_mb)} · {size.disk_gib} GiB disk"


def _span(minutes: int) -> str:
    if minutes < 120 or minutes % 60:
        return count(minutes, "minute")
    hours = minutes // 60
    return count(hours, "hour") if hours < 48 or hours % 24 else count(hours // 24, "day")


def _some_of(names: tuple[str, ...]) -> str:
    shown, rest = names[:2], len(names) - 2
    return " and ".join([", ".join(shown), f"{rest} more"] if rest > 0 else shown)


def _gib(mib: int) -> str:
    return f"{mib} MiB" if abs(mib) < 1024 else f"{mib / 1024:.1f} GiB".replace(".0 ", " ")
