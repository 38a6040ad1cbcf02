"""The command line against a server of its own: what it prints, and how it ends."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from pequeroku import PequerokuError, cli
from typer.testing import CliRunner, Result

from backend.db import transaction
from tests.factories import a_node
from tests.people import a_user
from tests.programs import a_key
from tests.served_api import served_api


@pytest.fixture
async def signed_in(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Path]:
    """Somebody who did `pequeroku login`; their file."""
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("RUN_TASKS", "false")
    monkeypatch.setattr(cli, "_HOME", tmp_path / "config" / "pequeroku.json")
    async with transaction() as tx:
        await a_node(tx)
    key = await a_key(await a_user("ana"))
    with served_api() as url:
        said = _do("login", url, "--key", key)
        assert said.exit_code == 0, said.output
        yield tmp_path / "config" / "pequeroku.json"


def _do(*words: str, text: str = "") -> Result:
    return CliRunner().invoke(cli.app, list(words), input=text)


async def test_containers_are_made_listed_and_removed_by_name(signed_in: Path) -> None:
    assert signed_in.stat().st_mode & 0o077 == 0  # noqa: ASYNC240
    made = json.loads(_do("create", "box", "--no-wait", "--json").stdout)
    assert (made[0]["name"], made[0]["type"]) == ("box", "small")
    table = _do("ls").stdout.splitlines()
    assert table[0].split() == ["ID", "NAME", "TYPE", "STATUS", "OWNER", "EXPIRES_AT"]
    assert table[1].split()[1:4] == ["box", "small", "created"]
    assert "small" in _do("types").stdout
    assert "python-api" in _do("templates").stdout
    assert _do("stop", "box").exit_code == 0
    assert _do("rm", "box", text="n\n").exit_code == 1
    assert len(json.loads(_do("ls", "--json").stdout)) == 1
    assert _do("rm", str(made[0]["id"]), "--yes").exit_code == 0
    assert _do("logs", str(made[0]["id"])).exit_code in (0, 1)


async def test_what_is_not_there_is_said_so(signed_in: Path) -> None:
    said = _do("stop", "nobody")
    assert isinstance(said.exception, PequerokuError)
    assert "no container “nobody”" in str(said.exception)
    signed_in.unlink()  # noqa: ASYNC240
    assert "pequeroku login" in str(_do("ls").exception)
    said = _do("cp", "a", "b")
    assert "NAME:/path" in str(said.exception)
