"""`make bench`: a table for people, and the same as JSON in test-results/bench.json. Name parts to run only those.

`models` is apart from the others: it asks the real ones that are set up (tests/bench/models.py).
"""

import asyncio
import importlib
import os
import sys
import tempfile
from pathlib import Path

from tests.bench import models
from tests.bench.report import Figure, as_json, as_table

_PARTS = (
    "audit", "reconcile", "machines", "drain", "crowd", "files", "workspace", "pages", "sockets", "api", "ai_undo",
    "assistant", "tips", "tips_http", "tip_signals", "warm", "programs", "ssh_gateway",
)  # fmt: skip
_RESULTS = Path("test-results/bench.json")


async def _measure(parts: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    for part in parts or _PARTS:
        print(f"measuring {part} …", file=sys.stderr, flush=True)
        figures += await importlib.import_module(f"tests.bench.{part}").measure()
    return figures


def main(parts: list[str]) -> int:
    """Measure, print, and say whether every bar was met."""
    figures = asyncio.run(_measure(parts))
    _RESULTS.parent.mkdir(exist_ok=True)
    _RESULTS.write_text(as_json(figures))
    print(as_json(figures))
    print(as_table(figures))
    return 1 if any(each.met is False for each in figures) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["models"]:  # they are those of this installation's Config, so it has to have its own home
        sys.exit(models.main(sys.argv[2:]))
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"PEQUEROKU_HOME": home, "SECRET_KEY": "a key for figures"}
        sys.exit(main(sys.argv[1:]))
