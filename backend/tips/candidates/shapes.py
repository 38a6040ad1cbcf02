"""What a kind of tip is, and what one finds."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from string import Formatter
from typing import Any

from backend.tips.features import Feature

LONGEST = 110
"""Characters of a sentence: it is read at a glance."""
_LONGEST_NAME = 40
_COUNTED = re.compile(r"(\{(\w+)\} (?:credit|day|hour|minute|node|task|time))s\b")

Slots = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be pressed. `verb` is one of backend/tips/actions; `label` a template over the slots."""

    verb: str
    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Find:
    """Something that a kind has to say now. `values`: of this one, from -1 to 1, for the policies."""

    feature: str
    slots: Slots
    target_type: str = ""
    target_id: str = ""
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    offer: Offer | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All that kinds may look at. `facts` are of no signal, and so need no consent."""

    features: Mapping[str, Feature]
    facts: Mapping[str, float]
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tip: what it is about, how it is said, and how long it rests after it was answered."""

    name: str
    purpose: str
    """For a model that looks for other words."""
    templates: tuple[str, ...]
    find: Callable[[Known], Iterable[Find]]
    priority: float = 0.5
    """From 0 to 1, for policies that go by what matters."""
    rest: timedelta = timedelta(hours=20)
    lasts: timedelta = timedelta(hours=12)

    @property
    def places(self) -> frozenset[str]:
        """The slots that its sentences may name."""
        return frozenset(place for each in self.templates for place in places_of(each))


def places_of(template: str) -> frozenset[str]:
    """The names in braces.

    Raises:
        ValueError: the braces don't match.
    """
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def filled(template: str, slots: Slots) -> str:
    """The sentence. What is counted right behind a place stands in the singular for one: “1 credit”."""
    template = _COUNTED.sub(lambda found: found[1] if slots.get(found[2]) == 1 else found[0], template)
    return template.format(**{name: str(value) for name, value in slots.items()})


def short(name: object) -> str:
    """A name that leaves room for a sentence around it, in one line that can be shown."""
    line = " ".join("".join(each if each.isprintable() else " " for each in str(name)).split())
    line = line.replace("{", "(").replace("}", ")")
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"


def digest_of(kind: str, found: Find) -> str:
    """The same for the same thing said of the same target with the same numbers."""
    said: list[Any] = [kind, found.target_type, found.target_id, sorted(found.slots.items())]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def grounding_of(found: Find, known: Known, at: datetime) -> dict[str, Any]:
    """Why it is said: the feature, its value, and when that was true."""
    feature = known.features.get(found.feature)
    value = feature.value if feature is not None else known.facts.get(found.feature, 0.0)
    computed = feature.computed_at if feature is not None else at
    return {"feature": found.feature, "value": value, "at": computed.isoformat()}
