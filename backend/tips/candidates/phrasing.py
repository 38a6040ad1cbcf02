"""Other words for tips, by a model (alias `tip-generator`), ahead of time: never while somebody waits.

The model is asked for sentences with the places for numbers and names left open. So it is told nothing of anybody,
what it says can be checked once, and it can't get a number wrong. Without a model our own templates do.
"""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from backend.ai.provider import Model, Provider, model_for
from backend.db import reading, transaction
from backend.models import TipPhrase
from backend.tips.candidates import near
from backend.tips.candidates.grounding import problems_of_a_models
from backend.tips.candidates.kinds import KINDS
from backend.tips.candidates.shapes import Kind, filled

log = logging.getLogger(__name__)

ALIAS = "tip-generator"
_WANTED = 4
"""Of a kind, beside our own."""
_MOST_LINES = 12
_ASK = """You phrase short tips for one person. Write {count} different sentences, one a line, without numbering.
What to say: {purpose}
Rules: one sentence a line, at most 90 characters, plain friendly English, second person. Use these places exactly as
they are, with braces, and no others: {places}. No digits, no number words, no names, no quotation marks.
Examples:
{examples}"""
_PLACE = re.compile(r"\{([a-z_]+)\}")
_EXAMPLE: Mapping[str, str | int] = {
    "name": "sandbox", "hours": 12, "credits": 2, "times": 4, "left": 3, "count": 5, "days": 6, "minutes": 60,
}  # fmt: skip


async def look_for_words() -> int:
    """Ask for sentences of each kind that has few; returns how many are new.

    Raises:
        ModelFault: there is no model, or it does not answer.
    """
    async with reading() as tx:
        model = await model_for(tx, ALIAS)
        rows = (await tx.exec(select(TipPhrase).order_by(col(TipPhrase.id)))).all()
    provider, made = Provider(model), 0
    try:
        for kind in KINDS.values():
            have = [row.text for row in rows if row.kind == kind.name]
            if len(have) < _WANTED:
                said = await ask_for_words(provider, kind, _WANTED - len(have))
                made += await _keep(kind, await accepted(kind, said.lines, have), model)
    finally:
        await provider.close()
    return made


async def accepted(kind: Kind, lines: Sequence[str], have: Sequence[str]) -> list[str]:
    """Those of a model's sentences that may be shown: each is checked, and none says what another says."""
    taken: list[str] = []
    for line in lines[:_MOST_LINES]:
        wrong = wrong_with(kind, line)
        if not wrong and await asyncio.to_thread(near.is_near, line, [*kind.templates, *have, *taken]):
            wrong = ["it says what another says"]
        if wrong:
            log.info("a sentence for %s was not taken: %s", kind.name, ", ".join(wrong))
        else:
            taken.append(line)
    return taken


def wrong_with(kind: Kind, line: str) -> list[str]:
    """Why a sentence of a model's may not be shown; nothing: it may."""
    used = set(_PLACE.findall(line))
    if {"{", "}"} & set(_PLACE.sub("", line)):
        return ["its braces are used for something else"]
    if not used <= _EXAMPLE.keys():
        return ["it names a place that there is none of"]
    slots = {name: _EXAMPLE[name] for name in kind.places if name in _EXAMPLE}
    sentence = filled(line, _EXAMPLE)
    missing = [f"it leaves out {each}" for each in ("name",) if each in kind.places and each not in used]
    return missing + problems_of_a_models(line, kind.places, slots, sentence)


@dataclass(frozen=True, slots=True)
class Said:
    """A model's sentences for a kind, none of them checked, and the tokens that they took."""

    lines: list[str]
    prompt_tokens: int
    completion_tokens: int


async def ask_for_words(provider: Provider, kind: Kind, count: int = _WANTED) -> Said:
    """Ask a model for so many sentences of a kind; it is told of nobody.

    Raises:
        ModelFault: it does not answer.
    """

    async def deaf(_text: str) -> None: ...

    places = ", ".join(f"{{{each}}}" for each in sorted(kind.places)) or "none"
    text = _ASK.format(count=count, purpose=kind.purpose, places=places, examples="\n".join(kind.templates))
    answer = await provider.ask([{"role": "user", "content": text}], [], deaf)
    lines = [line for each in answer.text.splitlines() if (line := each.strip(' \t-*•"“”'))]
    return Said(lines[:_MOST_LINES], answer.prompt_tokens, answer.completion_tokens)


async def _keep(kind: Kind, sentences: Sequence[str], model: Model) -> int:
    if not sentences:
        return 0
    async with transaction() as tx:
        for each in sentences:
            tx.add(TipPhrase(kind=kind.name, text=each, alias=ALIAS, model=model.name[:200]))
    return len(sentences)
