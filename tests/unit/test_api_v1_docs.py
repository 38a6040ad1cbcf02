"""The examples of docs/api-v1.md are run as they stand there; the ones for real machines in test_api_v1.py of
tests/integration.
"""

import json
from collections.abc import AsyncGenerator

import pytest

from backend.db import transaction
from backend.rules.feed import FeedKind
from backend.rules.one_shots import RunFault
from backend.services import keys
from tests.conftest import in_use
from tests.factories import a_node
from tests.people import a_user
from tests.served_api import served_api
from tests.unit.test_api_docs import ROOT, asked, examples

DOCS = (ROOT / "docs" / "api-v1.md").read_text()


@pytest.fixture
async def key(fresh_sqlite: str) -> AsyncGenerator[str]:
    async with in_use(fresh_sqlite):
        ana = await a_user("ana")
        async with transaction() as tx:
            await a_node(tx)
            _, text = await keys.create_key(tx, ana, name="docs", scope="exec")
        yield text


async def test_every_example_does_what_it_is_there_for(key: str) -> None:
    ids = {"id": 0, "run": 0}
    with served_api() as url:
        for example in examples("sh", DOCS):
            status, body = asked(example, url=url, key=key, **ids)
            assert 200 <= status < 300, f"{example}\n{status} {body}"
            said = json.loads(body)
            if '"name": "example"' in example:
                ids["id"] = said["id"]
            if '"async": true' in example:
                ids["run"] = said["id"]
    assert all(ids.values())


def test_every_word_that_programs_are_told_is_documented() -> None:
    for fault in RunFault:
        assert f"| `{fault}` |" in DOCS
    for kind in FeedKind:
        assert f"`{kind}`" in DOCS or f"`.{kind.partition('.')[2]}`" in DOCS, kind
