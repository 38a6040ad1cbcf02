"""Forms: what a field takes, and what a person typed made into values. Pure.

A form's values are plain data: text, number, truth, a list of words (MANY) or a list of such rows (ITEMS).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, cast

from backend.errors import Invalid

_MOST_ITEMS = 500


class Kind(StrEnum):
    """What a field holds, and how it is drawn."""

    TEXT = "text"
    LONG = "long"
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    MANY = "many"
    SECRET = "secret"  # noqa: S105 - write-only: its value says only whether one is set
    ITEMS = "items"


class When(StrEnum):
    """Where a field can be typed into."""

    ALWAYS = "always"
    ADDING = "adding"
    CHANGING = "changing"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the words a field takes."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `minimum` and `maximum` are inclusive and in `unit`; `longest` is in characters.

    A number that is not `required` may be left empty: None. `items` are the fields of each row of ITEMS.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    unit: str = ""
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    is_whole: bool = True
    longest: int = 300
    choices: tuple[Choice, ...] = ()
    when: When = When.ALWAYS
    items: tuple["Field", ...] = ()

    @property
    def empty(self) -> Any:
        """The value of a form that nobody has filled in yet."""
        match self.kind:
            case Kind.SWITCH | Kind.SECRET:
                return False
            case Kind.MANY | Kind.ITEMS:
                return []
            case Kind.NUMBER:
                return None
            case _:
                return ""

    def parse(self, raw: object) -> Any:
        """The value that was typed; `raw` is whatever a client sent.

        Raises:
            Invalid: it is none for this field, with what would be.
        """
        match self.kind:
            case Kind.SWITCH:
                return raw is True or str(raw).lower() in ("true", "on")
            case Kind.NUMBER:
                return self._number(_line(raw).strip())
            case Kind.MANY:
                return self._many(raw)
            case Kind.ITEMS:
                return self._items(raw)
            case Kind.CHOICE:
                return self._choice(_line(raw))
            case _:
                return self._text(_line(raw) if self.kind is Kind.TEXT else _storable(raw))

    def _text(self, said: str) -> str:
        said = said if self.kind is Kind.LONG else said.strip()
        if self.required and not said:
            raise self._wrong("is needed")
        if len(said) > self.longest:
            raise self._wrong(f"can have {self.longest:,} characters at most; this has {len(said):,}")
        return said

    def _number(self, said: str) -> int | float | None:
        if not said and not self.required:
            return None
        try:
            number = int(said) if self.is_whole else float(said)
            is_finite = math.isfinite(number)
        except (ValueError, OverflowError):
            raise self._wrong("must be a whole number" if self.is_whole else "must be a number") from None
        low, high = self.minimum, self.maximum
        if not is_finite or (low is not None and number < low) or (high is not None and number > high):
            bounds = [f"at least {low:,g}"] * (low is not None) + [f"at most {high:,g}"] * (high is not None)
            raise self._wrong("must be " + " and ".join(bounds))
        return number

    def _choice(self, said: str) -> str:
        if said not in {each.value for each in self.choices} and (said or self.required):
            raise self._wrong("must be one of those offered")
        return said

    def _many(self, raw: object) -> list[str]:
        said = {str(each) for each in cast(Sequence[object], raw)} if isinstance(raw, list | tuple) else set[str]()
        if said - {each.value for each in self.choices}:
            raise self._wrong("has something that is not offered any more. Load the page again")
        return [each.value for each in self.choices if each.value in said]

    def _items(self, raw: object) -> list[dict[str, Any]]:
        rows = cast(Sequence[object], raw) if isinstance(raw, list | tuple) else ()
        if len(rows) > _MOST_ITEMS:
            raise self._wrong(f"can have {_MOST_ITEMS} entries at most")
        return [self._item(number, each) for number, each in enumerate(rows, 1)]

    def _item(self, number: int, raw: object) -> dict[str, Any]:
        typed: Mapping[str, object] = (
            cast(Mapping[str, object], raw) if isinstance(raw, Mapping) else dict[str, object]()
        )
        try:
            return {each.name: each.parse(typed.get(each.name, "")) for each in self.items}
        except Invalid as refusal:
            raise Invalid(f"Number {number}: {refusal.message}", field=self.name) from refusal

    def _wrong(self, what: str) -> Invalid:
        return Invalid(f"{self.label} {what}.", field=self.name)


class Refused(Invalid):
    """Some of a form's fields can't be taken: `problems` has a sentence for each."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        first = next(iter(problems.values()))
        super().__init__(first if len(problems) == 1 else f"{len(problems)} fields need another look.")
        self.problems = dict(problems)


def parse_all(fields: Sequence[Field], typed: Mapping[str, object]) -> dict[str, Any]:
    """All values of a form.

    Raises:
        Refused: with a sentence for each field that can't be taken.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in fields:
        try:
            values[field.name] = field.parse(typed.get(field.name, ""))
        except Invalid as refusal:
            problems[field.name] = refusal.message
    if problems:
        raise Refused(problems)
    return values


def etag_of(values: Mapping[str, Any]) -> str:
    """A mark of a form's values: the same values have the same, however they came about."""
    return sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:32]


def differences(fields: Sequence[Field], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What became other, a clause a field: “Credits: 3 → 5”."""
    return [
        f"{field.label}: {in_words(field, before.get(field.name))} → {in_words(field, after.get(field.name))}"
        for field in fields
        if before.get(field.name) != after.get(field.name)
    ]


def in_words(field: Field, value: Any) -> str:
    """A field's value for people, short."""
    labels = {each.value: each.label for each in field.choices}
    match field.kind:
        case Kind.SWITCH:
            return "on" if value else "off"
        case Kind.SECRET:
            return "set" if value else "not set"
        case Kind.MANY:
            return ", ".join(labels.get(each, each) for each in cast(list[str], value or [])) or "none"
        case Kind.ITEMS:
            return f"{len(value or [])} entries"
        case Kind.CHOICE:
            return labels.get(str(value), str(value)) or "none"
        case _:
            said = "empty" if value in (None, "") else str(value)
            return said if len(said) <= 60 else said[:59] + "…"


def _storable(raw: object) -> str:
    """Text as every database takes it: no NUL, no lone surrogate; line ends as they are in files."""
    text = raw if isinstance(raw, str) else "" if raw is None else str(raw)
    return text.encode(errors="replace").decode().replace("\0", "").replace("\r\n", "\n")


def _line(raw: object) -> str:
    """What fits on one line: nothing that moves a cursor."""
    return "".join(each for each in _storable(raw) if each.isprintable())
