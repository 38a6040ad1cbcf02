"""What a tool is, and the box of them that a turn has.

A tool says what it is for, what it takes, and how dangerous a call is. Whatever it does, it does through a service, as
the person who asked: it can reach nothing that they could not.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from backend.errors import Conflict
from backend.outward import Outward
from backend.rules.agent_policy import Risk
from backend.rules.plain_text import one_line
from backend.rules.policy import Actor

A = TypeVar("A", bound="Arguments")

MOST_RESULT = 30_000
"""Characters of a result that are kept: what the model, and a person, can still read."""
_LONGEST_TITLE = 200
_TOOL_S = 660.0
"""Longer than a tool may take by its own rules: what hangs all the same is given up."""


class BadCall(Exception):
    """The model wants what is not to be had; the message tells it why."""


class Arguments(BaseModel):
    """What a tool takes. Anything else is refused, so that a model hears of its mistake."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


@dataclass(slots=True)
class Result:
    """What came of a call: text for the model, and more for pages."""

    content: str
    ok: bool = True
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    happened: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    """Further events for the timeline."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a sub-agent is sent to do, in which role, with which of the tools, and how much it may use."""

    task: str
    role: str
    tools: Callable[[str], bool]
    only_looks: bool
    steps: int
    seconds: float
    tokens: int


async def _nobody(_errand: Errand) -> Result:
    raise Conflict("There is nobody to send.")


async def _at_once() -> None: ...


@dataclass(slots=True)
class Desk:
    """What a tool works with. `actor` is asked for at each call: rights may change in the middle of a turn."""

    actor: Callable[[], Awaitable[Actor]]
    user_id: int
    container_id: int
    out: Outward = field(default_factory=Outward)
    delegate: Callable[[Errand], Awaitable[Result]] = _nobody
    """Have a sub-agent do something, and wait for it."""
    say: Callable[[str], None] = lambda _text: None
    """Output while it runs, for who watches."""
    before_change: Callable[[], Awaitable[None]] = _at_once
    """Waits until what a call changes can be undone, as far as it can."""


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """Something the model can do."""

    name: str
    help: str
    takes: type[A]
    run: Callable[[Desk, A], Awaitable[Result]]
    title: Callable[[A], str]
    risk: Callable[[A], tuple[Risk, str]] = lambda _arguments: (Risk.LOOK, "")
    most_s: float | None = _TOOL_S
    schema: dict[str, Any] | None = None
    """What it takes, as JSON Schema, where `takes` can't say it."""
    diff: Callable[[Desk, A], Awaitable[str]] | None = None
    """What a call would change, for who is asked whether it may."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that can be made."""

    tool: Tool[Any]
    arguments: Any
    title: str
    risk: Risk
    why: str

    async def run(self, desk: Desk) -> Result:
        if self.risk is not Risk.LOOK:
            await desk.before_change()
        return await self.tool.run(desk, self.arguments)

    async def diff(self, desk: Desk) -> str:
        return await self.tool.diff(desk, self.arguments) if self.tool.diff is not None else ""


class Toolbox:
    """The tools of a turn."""

    def __init__(self, tools: Sequence[Tool[Any]], *, only_looks: bool = False) -> None:
        self._tools = {each.name: each for each in tools}
        self._only_looks = only_looks

    def only(self, keeps: Callable[[str], bool], *, only_looks: bool = False) -> "Toolbox":
        """Those of them with these names; and, of what they can do, no more than looking."""
        return Toolbox([each for each in self._tools.values() if keeps(each.name)], only_looks=only_looks)

    def described(self) -> list[dict[str, Any]]:
        """As chat completions want them."""
        return [
            {
                "type": "function",
                "function": {
                    "name": each.name,
                    "description": each.help,
                    "parameters": each.schema or _schema(each.takes),
                },
            }
            for each in self._tools.values()
        ]

    def wanted(self, name: str, arguments: str) -> Wanted:
        """What the model wants, if that can be done.

        Raises:
            BadCall: there is no such tool, or it does not take that.
        """
        tool = self._tools.get(name)
        if tool is None:
            raise BadCall(f"There is no tool “{name[:50]}”. There are: {', '.join(self._tools)}.")
        try:
            given = tool.takes.model_validate_json(arguments or "{}")
        except ValidationError as fault:
            raise BadCall(f"{name} does not take that: {_why(fault)}") from fault
        risk, why = tool.risk(given)
        if self._only_looks and risk is not Risk.LOOK:
            raise BadCall("You can only look here, and change nothing.")
        return Wanted(tool, given, one_line(tool.title(given))[:_LONGEST_TITLE], risk, one_line(why))


def told_arguments(arguments: str) -> dict[str, Any]:
    """The arguments as a timeline keeps them, also where they are none. Half characters are not kept."""
    try:
        said = json.loads(arguments or "{}")
        said = json.loads(json.dumps(said, ensure_ascii=False, allow_nan=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        said = None
    return said if isinstance(said, dict) else {"invalid": arguments[:2000]}  # type: ignore[reportUnknownVariableType]


def bounded(text: str) -> tuple[str, bool]:
    """The beginning and the end of what is too long, and whether it was."""
    if len(text) <= MOST_RESULT:
        return text, False
    half = MOST_RESULT // 2
    left_out = len(text) - MOST_RESULT
    return f"{text[:half]}\n… ({left_out} characters left out) …\n{text[-half:]}", True


def _why(fault: ValidationError) -> str:
    told = ["".join(f"{part}: " for part in each["loc"]) + each["msg"] for each in fault.errors(include_url=False)]
    return "; ".join(told[:5]) + "."


@cache
def _schema(takes: type[Arguments]) -> dict[str, Any]:
    """As JSON schema; made once, since that of all tools takes longer than all the rest of a question."""
    schema = takes.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    for each in schema.get("properties", {}).values():
        each.pop("title", None)
    return schema
