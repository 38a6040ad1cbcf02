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
from backend.ai.provider import Model
from backend.settings import settings
from tests.agent_eval.baseline import baseline
from tests.agent_eval.chore import chosen
from tests.agent_eval.scoring import Score, score
from tests.machines import private_node
from tests.real_model import real_models
from tests.served_machine import served_machine

_RESULTS = Path("test-results/agent-eval.json")


@asynccontextmanager
async def _provider(*, is_real: bool) -> AsyncGenerator[Model]:
    if is_real:
        yield (await real_models(["assistant"]))["assistant"]
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
