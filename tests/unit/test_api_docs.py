"""The examples of docs/api.md are run as they stand there, by a shell; the ones for real machines in test_exec.py."""

import json
import os
import re
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from backend.api.problems import Code
from backend.db import transaction
from backend.services import keys
from tests.conftest import in_use
from tests.factories import a_node
from tests.people import a_user
from tests.served_api import served_api

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "api.md").read_text()


def examples(kind: str, docs: str = DOCS) -> list[str]:
    """The fenced examples of a kind: `sh`, or `sh vm` for those that need a real machine."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", docs, re.M | re.S)


def asked(example: str, **places: object) -> tuple[int, str]:
    """Run an example; the status and the body that came."""
    words = {name.upper(): str(value) for name, value in places.items()}
    script = example.replace("curl -s", "curl -s -w '\\n%{http_code}'")
    command = ["bash", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **words}, check=True, timeout=60)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


@pytest.fixture
async def api_keys(fresh_sqlite: str) -> AsyncGenerator[dict[str, str]]:
    async with in_use(fresh_sqlite):
        ana, _, ada = await a_user("ana"), await a_user("bob"), await a_user("ada", is_superuser=True)
        async with transaction() as tx:
            await a_node(tx)
            _, key = await keys.create_key(tx, ana, name="docs", scope="admin")
            _, admin_key = await keys.create_key(tx, ada, name="docs", scope="admin")
        yield {"key": key, "admin_key": admin_key}


async def test_every_example_does_what_it_is_there_for(api_keys: dict[str, str]) -> None:
    with served_api() as url:
        container_id = 0
        for example in examples("sh"):
            status, body = asked(example, url=url, id=container_id, **api_keys)
            assert 200 <= status < 300, f"{example}\n{status} {body}"
            said = json.loads(body)
            if '"name": "example"' in example:
                container_id = said["id"]
    assert container_id


def test_every_code_is_documented() -> None:
    for code in Code:
        assert f"| `{code}` |" in DOCS
