"""`make bench-models`: which model finds the best words for tips. Each is asked for sentences of every kind.

Words are aliases of Config (`tip-generator`, `assistant`, …) or the provider's own names of models; without any,
`tip-generator` and `assistant` are compared. `--judge ALIAS` has what is valid judged by a model, from 1 to 5; each
model's own bias is in that. Sentences are checked as those that are shown (backend/tips/candidates/phrasing.py).
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from backend.ai.faults import ModelFault
from backend.ai.provider import Model, Provider
from backend.tips.candidates import near, phrasing
from backend.tips.candidates.grounding import ungrounded
from backend.tips.candidates.kinds import KINDS
from backend.tips.candidates.shapes import Kind
from tests.bench.report import percentile
from tests.real_model import real_models

_RESULTS = Path("test-results/bench-models.json")
_COMPARED = ("tip-generator", "assistant")
_JUDGE = """Judge one short tip for a user of a hosting service, with places for numbers and names left open in braces.
What it is to say: {purpose}
The tip: {line}
Is it clear, friendly, and of help? Answer with one digit alone, from 1 (bad) to 5 (very good)."""
_GRADE = re.compile(r"[1-5]")


@dataclass(slots=True)
class Tally:
    """What a model said, counted."""

    model: str
    lines: int = 0
    valid: int = 0
    grounded: int = 0
    duplicate: int = 0
    faults: list[str] = field(default_factory=list)
    grades: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def share(self, number: int) -> float:
        """Of its sentences; 0 of none."""
        return number / self.lines if self.lines else 0.0


async def compare(
    models: Mapping[str, Model], judge: Model | None = None, kinds: Sequence[Kind] = tuple(KINDS.values())
) -> dict[str, Tally]:
    """Ask each model for each kind, one question at a time; the judge looks only at what is valid."""
    grader = Provider(judge) if judge is not None else None
    try:
        return {name: await _tally(model, grader, kinds) for name, model in models.items()}
    finally:
        if grader is not None:
            await grader.close()


async def _tally(model: Model, grader: Provider | None, kinds: Sequence[Kind]) -> Tally:
    provider, tally = Provider(model), Tally(model.name)
    try:
        for kind in kinds:
            began = time.perf_counter()
            try:
                said = await phrasing.ask_for_words(provider, kind)
            except ModelFault as fault:
                tally.faults.append(f"{kind.name}: {fault.message}")
                continue
            tally.seconds.append(time.perf_counter() - began)
            tally.prompt_tokens += said.prompt_tokens
            tally.completion_tokens += said.completion_tokens
            for line in await _count(tally, kind, said.lines):
                await _grade(tally, grader, kind, line)
    finally:
        await provider.close()
    return tally


async def _count(tally: Tally, kind: Kind, lines: Sequence[str]) -> list[str]:
    """Those that are valid; each is counted, and is a duplicate if it says what another before it says."""
    valid: list[str] = []
    for number, line in enumerate(lines):
        tally.lines += 1
        tally.grounded += not ungrounded(line, kind.places)
        tally.duplicate += await asyncio.to_thread(near.is_near, line, [*kind.templates, *lines[:number]])
        if not phrasing.wrong_with(kind, line):
            tally.valid += 1
            valid.append(line)
    return valid


async def _grade(tally: Tally, grader: Provider | None, kind: Kind, line: str) -> None:
    if grader is None:
        return

    async def deaf(_text: str) -> None: ...

    try:
        text = _JUDGE.format(purpose=kind.purpose, line=line)
        answer = await grader.ask([{"role": "user", "content": text}], [], deaf)
    except ModelFault as fault:
        tally.faults.append(f"the judge: {fault.message}")
        return
    if found := _GRADE.search(answer.text):
        tally.grades.append(int(found[0]))


def table(tallies: Mapping[str, Tally]) -> str:
    """For people."""
    heads = "asked for", "model", "sentences", "valid", "grounded", "duplicate", "quality", "p50", "p99", "tokens"
    rows = [(*heads, "faults")]
    for name, each in tallies.items():
        shares = [f"{each.share(number):.0%}" for number in (each.valid, each.grounded, each.duplicate)]
        quality = f"{sum(each.grades) / len(each.grades):.1f} of {len(each.grades)}" if each.grades else "–"
        times = [f"{percentile(each.seconds, share):.2f} s" if each.seconds else "–" for share in (0.5, 0.99)]
        tokens = f"{each.prompt_tokens:,} + {each.completion_tokens:,}"
        rows.append((name, each.model, str(each.lines), *shares, quality, *times, tokens, str(len(each.faults))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in rows
    )


async def _measured(wanted: Sequence[str], judge: str) -> dict[str, Tally]:
    found = await real_models([*wanted, *([judge] if judge else [])])
    return await compare({name: found[name] for name in wanted}, found[judge] if judge else None)


def main(words: Sequence[str]) -> int:
    """Compare, print, and say whether any model answered at all."""
    parser = argparse.ArgumentParser(prog="make bench-models", description="Compare models for the words of tips.")
    parser.add_argument("--judge", default="", metavar="ALIAS", help="have valid sentences judged, by `judge` say")
    parser.add_argument("models", nargs="*", help="aliases of Config, or the provider's names of models")
    given = parser.parse_args(words)
    try:
        tallies = asyncio.run(_measured(given.models or _COMPARED, given.judge))
    except ModelFault as fault:
        print(fault.message, file=sys.stderr)
        return 2
    _RESULTS.parent.mkdir(exist_ok=True)
    _RESULTS.write_text(json.dumps({name: asdict(each) for name, each in tallies.items()}, indent=2))
    print(table(tallies))
    for name, each in tallies.items():
        for fault in dict.fromkeys(each.faults):
            print(f"{name}: {fault}", file=sys.stderr)
    return 0 if any(each.lines for each in tallies.values()) else 1
