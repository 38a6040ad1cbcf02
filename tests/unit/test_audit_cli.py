"""`python -m backend.cli audit …`, as an operator runs it."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backend.cli.__main__ import app
from tests.conftest import in_use


@pytest.fixture
def run(fresh_sqlite: str):
    """Each command has an event loop of its own, and so needs a thread of its own here."""

    async def whole(*words: str) -> Result:
        async with in_use(fresh_sqlite):
            return await asyncio.to_thread(CliRunner().invoke, app, ["audit", *words])

    return whole


async def test_verify_says_where_it_breaks_and_ends_with_one(run, fresh_sqlite: str) -> None:
    whole = await run("verify")
    assert (whole.exit_code, "rows hold" in whole.output) == (0, True)
    with closing(sqlite3.connect(fresh_sqlite.removeprefix("sqlite:///"))) as database:
        database.execute("UPDATE audit_log SET message = 'nothing happened' WHERE id = 1")
        database.commit()
    broken = await run("verify")
    assert broken.exit_code == 1
    assert "row 1" in broken.output


async def test_export_writes_a_file_once_and_prune_says_how_many(run, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    assert (await run("export", str(path), "--format", "jsonl", "--text", "user cre")).exit_code == 0
    assert '"action": "user.create"' in path.read_text()
    assert (await run("export", str(path))).exit_code == 1
    assert (await run("prune")).output == "0 rows were removed.\n"


def test_a_user_who_goes_leaves_the_index_of_words_whole(fresh_sqlite: str) -> None:
    with closing(sqlite3.connect(fresh_sqlite.removeprefix("sqlite:///"))) as database:
        database.execute("PRAGMA foreign_keys = ON")
        rows = database.execute("UPDATE audit_log SET user_id = 1").rowcount
        found = "SELECT count(*) FROM audit_search WHERE audit_search MATCH ?"
        assert database.execute(found, ("xuser1",)).fetchone() == (rows,)
        database.execute("DELETE FROM resource_quota_allowed_type")
        database.execute("DELETE FROM resource_quota")
        database.execute("DELETE FROM user_account")
        assert database.execute(found, ("xuser1",)).fetchone() == (0,)
        assert database.execute(found, ("xuser0",)).fetchone() == (rows,)
