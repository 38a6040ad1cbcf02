"""`make agent-eval`: a table for people, and the same as JSON in test-results/agent-eval.json.

Without arguments the scripted provider answers. `--real` asks the one that OPENAI_API_KEY, OPENAI_API_URL and
OPENAI_MODEL name, or else the one in the Config of this checkout's installation. Names are of the chores to do.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from backend.ai.faults import ModelFault
from backend.ai.provider import Model, model_for
from backend.db import dispose, reading
from backend.rules.config_keys import OPENAI_API_URL, OPENAI_MODEL
from backend.settings import settings
from tests.agent_eval.baseline import baseline
from tests.agent_eval.chore import chosen
from tests.agent_eval.scoring import Score, score
from tests.machines import private_node
from tests.served_machine import served_machine

_RESULTS = Path("test-results/agent-eval.json")


async def _real() -> Model:
    """The provider that is set up here.

    Raises:
        ModelFault: there is none.
    """
    if key := os.environ.get("OPENAI_API_KEY"):
        url = os.environ.get("OPENAI_API_URL") or OPENAI_API_URL.default
        return Model(url, key, os.environ.get("OPENAI_MODEL") or OPENAI_MODEL.default)
    if not _is_installed():
        raise ModelFault("not-set-up", "No AI provider is set up: give OPENAI_API_KEY, or set one up here.")
    try:
        async with reading() as tx:
            return await model_for(tx, "assistant")
    finally:
        await dispose()


def _is_installed() -> bool:
    """Whether there is a database here: to look into one that is not there would make it."""
    url = settings().url
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


@asynccontextmanager
async def _provider(*, is_real: bool) -> AsyncGenerator[Model]:
    if is_real:
        yield await _real()
        return
    async with baseline() as model:
        yield model


async def _evaluate(names: Sequence[str], *, is_real: bool) -> tuple[str, list[Score]]:
    """Do the chores one after another in one machine; the model's name, and the scores."""
    wanted, scores = chosen(names), list[Score]()
    async with _provider(is_real=is_real) as model:
        with private_node() as node, tempfile.TemporaryDirectory() as home:
            os.environ |= {"PEQUEROKU_HOME": home, "SECRET_KEY": "a key for figures"}
            settings.cache_clear()
            async with served_machine(node, Path(home), model) as machine:
                for name, chore in wanted.items():
                    print(f"{name} …", file=sys.stderr, flush=True)
                    scores.append(await score(machine, name, chore))
        return model.name, scores


def table(model: str, scores: Sequence[Score]) -> str:
    """For people."""
    rows = [("chore", "", "steps", "tokens", "seconds", "")]
    for each in scores:
        verdict = "passed" if each.passed else "FAILED"
        rows.append((each.chore, verdict, str(each.steps), f"{each.tokens:,}", f"{each.seconds:.1f}", each.why))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    passed = sum(each.passed for each in scores)
    return "\n".join([*lines, f"{model}: {passed} of {len(scores)}"])


def main(words: Sequence[str]) -> int:
    """Do them, print, and say whether all passed."""
    parser = argparse.ArgumentParser(prog="make agent-eval", description="Chores for the assistant in a real machine.")
    parser.add_argument("--real", action="store_true", help="ask the provider that is set up, not the scripted one")
    parser.add_argument("chores", nargs="*", help="only these")
    given = parser.parse_args(words)
    try:
        model, scores = asyncio.run(_evaluate(given.chores, is_real=given.real))
    except (KeyError, ModelFault) as fault:
        print(fault.args[0], file=sys.stderr)
        return 2
    _RESULTS.parent.mkdir(exist_ok=True)
    _RESULTS.write_text(json.dumps({"model": model, "chores": [asdict(each) for each in scores]}, indent=2))
    print(table(model, scores))
    return 0 if all(each.passed for each in scores) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
