"""Tips about a person's work here: machines, credits, templates, nodes."""

from collections.abc import Iterable
from datetime import timedelta

from backend.tips.candidates.shapes import Find, Kind, Known, Offer, short
from backend.tips.features import Feature

_IDLE_H = 2
_FAILS = 3
_FEW_CREDITS = 1
_FEW_USES = 2
_EXPIRES_WITHIN_H = 48


def _container(feature: Feature) -> str:
    return str(int(feature.detail.get("container_id", 0)))


def _first_machine(known: Known) -> Iterable[Find]:
    if known.facts.get("containers", 1) == 0:
        yield Find("containers", {}, values={"is_new": 1.0}, offer=Offer("open", "Make a machine", "/?new"))


def _idle_vm(known: Known) -> Iterable[Find]:
    feature = known.features.get("platform.idle_vm")
    if feature is None or feature.value < _IDLE_H or not feature.detail.get("container_id"):
        return
    credits_cost = int(feature.detail.get("credits", 1))
    slots = {"name": short(feature.detail.get("name", "")), "hours": int(feature.value), "credits": credits_cost}
    yield Find(
        feature.name,
        slots,
        "container",
        _container(feature),
        {"idle": min(feature.value / 48, 1.0), "credits": min(credits_cost / 4, 1.0)},
        Offer("container.stop", "Stop {name}", _container(feature)),
    )


def _failing(known: Known) -> Iterable[Find]:
    feature = known.features.get("platform.failing_command")
    if feature is None or feature.value < _FAILS or not feature.detail.get("container_id"):
        return
    slots = {"name": short(feature.detail.get("name", "")), "times": int(feature.value)}
    target = _container(feature)
    offer = Offer("open", "Ask the assistant", f"/containers/{target}/ai")
    yield Find(feature.name, slots, "container", target, {"fails": min(feature.value / 10, 1.0)}, offer)


def _credits(known: Known) -> Iterable[Find]:
    feature = known.features.get("platform.credits_left")
    if feature is not None and feature.value <= _FEW_CREDITS and known.facts.get("containers", 0) > 0:
        slots = {"left": max(0, int(feature.value))}
        yield Find(feature.name, slots, values={"left": 1 - feature.value}, offer=Offer("open", "See what runs", "/"))


def _ai_uses(known: Known) -> Iterable[Find]:
    feature = known.features.get("platform.ai_uses_left")
    if feature is not None and 0 < feature.value <= _FEW_USES:
        yield Find(feature.name, {"left": int(feature.value)}, values={"left": 1 - feature.value / 4})


def _template(known: Known) -> Iterable[Find]:
    feature = known.features.get("platform.template_unused")
    if feature is None or not feature.detail.get("slug"):
        return
    slug = str(feature.detail["slug"])[:60]
    offer = Offer("open", "Look at it", f"/templates/{slug}")
    yield Find(feature.name, {"name": short(feature.detail.get("name", slug))}, "template", slug, offer=offer)


def _expiry(known: Known) -> Iterable[Find]:
    feature = known.features.get("platform.expiry_near")
    if feature is None or not 0 < feature.value <= _EXPIRES_WITHIN_H or not feature.detail.get("container_id"):
        return
    slots = {"name": short(feature.detail.get("name", "")), "hours": max(1, int(feature.value))}
    target = _container(feature)
    nearness = 1 - feature.value / _EXPIRES_WITHIN_H
    offer = Offer("container.keep", "Keep {name}", target)
    yield Find(feature.name, slots, "container", target, {"nearness": nearness}, offer)


def _node(known: Known) -> Iterable[Find]:
    feature = known.features.get("platform.node_unhealthy")
    if feature is None or feature.value < 1 or not known.is_admin:
        return
    slots = {"name": short(feature.detail.get("name", "A node")), "count": int(feature.value)}
    node_id = str(feature.detail.get("node_id", ""))
    offer = Offer("open", "See the nodes", "/admin/vm_manager/node/")
    yield Find(feature.name, slots, "node", node_id, {"count": min(feature.value / 4, 1.0)}, offer)


KINDS = (
    Kind(
        "first_machine",
        "They have no machine yet. Invite them to make their first one.",
        (
            "Make your first machine: a real Linux of your own, ready in a minute.",
            "A machine of your own is one click away. Break it, keep it, throw it away.",
        ),
        _first_machine,
        priority=0.6,
        rest=timedelta(days=2),
    ),
    Kind(
        "idle_vm",
        "The machine {name} runs unused since {hours} hours. Suggest stopping it, which frees {credits} credits.",
        (
            "Stop {name} to free {credits} credits: nobody used it for {hours} hours.",
            "{name} has been idle for {hours} hours. Its disk is kept when you stop it.",
            "Nobody is using {name}. Stopping it frees {credits} credits.",
        ),
        _idle_vm,
        priority=0.7,
    ),
    Kind(
        "failing_command",
        "A command in the machine {name} failed {times} times. Suggest asking the assistant.",
        (
            "The same command failed {times} times in {name}. Let the assistant look.",
            "Something in {name} failed {times} times today. A second pair of eyes may help.",
        ),
        _failing,
        priority=0.7,
    ),
    Kind(
        "credits_low",
        "They have {left} credits left. Suggest stopping what they do not need.",
        (
            "You have {left} credits left. Stop what you don't need today.",
            "Credits left: {left}. A stopped machine costs nothing.",
        ),
        _credits,
        priority=0.6,
        rest=timedelta(days=2),
    ),
    Kind(
        "ai_uses_left",
        "They may ask the assistant {left} more times today. Suggest keeping that for what matters.",
        (
            "Questions left for the assistant today: {left}. Keep them for what is hard.",
            "The assistant answers {left} more of your questions today. Choose well.",
        ),
        _ai_uses,
        priority=0.3,
        rest=timedelta(hours=20),
        lasts=timedelta(hours=6),
    ),
    Kind(
        "template_unused",
        "They have never used the template {name}. Invite them to try it.",
        (
            "Try the template {name}: it goes into a machine in one step.",
            "You have not used {name} yet. Have a look at what is in it.",
        ),
        _template,
        priority=0.2,
        rest=timedelta(days=3),
    ),
    Kind(
        "expiry_near",
        "The machine {name} is deleted in {hours} hours unless it is kept. Suggest keeping it.",
        (
            "{name} is deleted in {hours} hours. Keep it if you still need it.",
            "Only {hours} hours left for {name}. One press keeps it.",
        ),
        _expiry,
        priority=0.9,
        rest=timedelta(hours=6),
        lasts=timedelta(hours=6),
    ),
    Kind(
        "node_unhealthy",
        "They administer this installation; {count} nodes do not answer, {name} among them. Suggest a look.",
        (
            "{name} does not answer. Have a look before somebody asks.",
            "Nodes that don't answer: {count}. Begin with {name}.",
        ),
        _node,
        priority=1.0,
        rest=timedelta(hours=4),
        lasts=timedelta(hours=2),
    ),
)
"""Those of the platform."""
