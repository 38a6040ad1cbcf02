"""What the model is given to read of a conversation: its events as messages, within its window. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

Message = dict[str, Any]

_CHARACTERS_PER_TOKEN = 3.5
"""Of English and code; a guess on the safe side."""
_FULL_AT = 0.75
_OLD_RESULT = 600
_FRESH_TURNS = 2
_BROKEN_OFF = "This was broken off; it may have been done or not. Look before you do it again."
_MOST_RESULT = 30_000
_TOLD = frozenset({"user", "said", "tool_call", "undone"})


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a conversation (docs/ai.md)."""

    seq: int
    kind: str
    turn: int | None = None
    data: dict[str, Any] = field(default_factory=dict[str, Any])


def parent_of(each: Happened) -> str:
    """The call that sent the sub-agent whose event it is; empty for the conversation's own."""
    return str(each.data.get("parent", ""))


def tokens_of(messages: Iterable[Message]) -> int:
    """About how many tokens they are."""
    return int(sum(len(json.dumps(each, ensure_ascii=False)) for each in messages) / _CHARACTERS_PER_TOKEN)


def is_full(messages: Sequence[Message], window: int) -> bool:
    """Whether older parts should be summed up before the model is asked again."""
    return tokens_of(messages) > window * _FULL_AT


def to_sum_up(events: Sequence[Happened]) -> list[Happened]:
    """What a summary may take the place of: all but the last two turns, from the last summary on; else nothing."""
    since = max((each.data["upto"] for each in events if each.kind == "summary"), default=0)
    turns = list(dict.fromkeys(each.turn for each in events if each.kind == "user" and each.seq >= since))
    if len(turns) <= _FRESH_TURNS:
        return []
    fresh = set(turns[-_FRESH_TURNS:])
    begin = min(each.seq for each in events if each.turn in fresh)
    return [each for each in events if since <= each.seq < begin]


def messages(system: str, events: Sequence[Happened]) -> list[Message]:
    """The conversation as the model reads it. Each call of a tool has its result, whatever happened to it."""
    summaries = [each for each in events if each.kind == "summary"]
    since = summaries[-1].data["upto"] if summaries else 0
    turns = list(dict.fromkeys(each.turn for each in events if each.kind == "user"))
    told: list[Message] = [{"role": "system", "content": system}]
    if summaries:
        said = summaries[-1].data["text"]
        told.append({"role": "user", "content": f"What went before, in short:\n{said}"})
        told.append({"role": "assistant", "content": "I go on from there."})
    told += _as_messages([each for each in events if each.seq >= since], set(turns[-_FRESH_TURNS:]))
    return told


def _as_messages(events: Sequence[Happened], fresh: set[int | None]) -> list[Message]:
    results = {each.data["call"]: str(each.data["content"]) for each in events if each.kind == "tool_result"}
    told: list[Message] = []
    said = [each for each in events if each.kind in _TOLD]  # what else is noted may come in the middle of a step
    for _, group in groupby(said, key=_step):
        told += _step_told(list(group), results, fresh)
    return told


def _step(each: Happened) -> tuple[object, ...]:
    """What the model said at one time is one message: its text, and the tools it wanted with it."""
    return (each.turn, each.data.get("step")) if each.kind in ("said", "tool_call") else (each.seq,)


def _step_told(events: list[Happened], results: dict[str, str], fresh: set[int | None]) -> list[Message]:
    text = "".join(each.data["text"] for each in events if each.kind == "said")
    calls = [each for each in events if each.kind == "tool_call"]
    told: list[Message] = []
    if text or calls:
        told.append(
            {"role": "assistant", "content": text or None} | ({"tool_calls": [*map(_call, calls)]} if calls else {})
        )
    for each in calls:
        content = shortened(results.get(each.data["call"], _BROKEN_OFF), is_fresh=each.turn in fresh)
        told.append({"role": "tool", "tool_call_id": each.data["call"], "content": content})
    for each in events:
        if each.kind == "user":
            told.append({"role": "user", "content": each.data["text"]})
        elif each.kind == "undone":
            told.append({"role": "user", "content": f"(I have undone what you did in that turn: {each.data['what']}.)"})
    return told


def _call(each: Happened) -> Message:
    arguments = json.dumps(each.data["arguments"], ensure_ascii=False)
    return {
        "id": each.data["call"],
        "type": "function",
        "function": {"name": each.data["tool"], "arguments": arguments},
    }


def within(told: list[Message], window: int) -> list[Message]:
    """The same, with long contents shortened until all of it is in the window, the oldest first."""
    told = [dict(each) for each in told]
    for limit in (4000, 1000, 200):
        for each in told[1:-1]:
            if tokens_of(told) <= window * 0.9:
                return told
            content = each.get("content")
            if isinstance(content, str) and len(content) > limit:
                each["content"] = _middle_out(content, limit)
    return told


def as_json(value: object) -> str:
    """As text; what stands for arguments that were none stays so."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shortened(content: str, *, is_fresh: bool = True) -> str:
    """Beginning and end of what is too long; of older turns only a little."""
    limit = _MOST_RESULT if is_fresh else _OLD_RESULT
    return content if len(content) <= limit else _middle_out(content, limit)


def _middle_out(content: str, limit: int) -> str:
    half = limit // 2
    return f"{content[:half]}\n… ({len(content) - 2 * half} characters left out) …\n{content[-half:]}"
