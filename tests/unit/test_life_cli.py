"""Every shell example of types and quotas has a command."""

import asyncio
from collections.abc import Callable, Generator

import pytest
from typer.testing import CliRunner

from backend.cli.__main__ import app
from backend.db import dispose, transaction
from backend.settings import settings
from tests.factories import an_actor

Says = Callable[..., str]


@pytest.fixture
def says(fresh_sqlite: str, monkeypatch: pytest.MonkeyPatch) -> Generator[Says]:
    """Run a command as an operator does; what it refuses begins with “no:”."""
    monkeypatch.setenv("DATABASE_URL", fresh_sqlite)
    settings.cache_clear()

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, words)
        return done.output if done.exit_code == 0 else f"no: {done.output}"

    yield run
    settings.cache_clear()


def _somebody() -> str:
    async def make() -> str:
        async with transaction() as tx:
            actor = await an_actor(tx)
        await dispose()
        return actor.username

    return asyncio.run(make())


def test_a_private_type_is_made_granted_to_one_user_and_priced_anew(says: Says) -> None:
    alice = _somebody()
    assert "was added" in says("type", "add", "gpu-small", "8192", "4", "40", "6", "--private")
    assert "does not allow" in says("quota", "show", alice)
    assert "1 granted" in says("quota", "grant", alice, "gpu-small")
    assert "0 granted" in says("quota", "grant", alice, "gpu-small")
    assert "needs 6, and 3 of 3 are left" in says("quota", "show", alice)
    assert "was changed" in says("type", "set", "medium", "--credits-cost", "3")
    assert "was changed" in says("quota", "set", alice, "--credits", "9")
    shown = says("quota", "show", alice)
    assert "9, 0 used, 9 left" in shown
    assert shown.count("can be created") == 4
    assert "1 revoked" in says("quota", "revoke", alice, "gpu-small")
    assert "was removed" in says("type", "remove", "gpu-small")
    assert "gpu-small" not in says("type", "list")


def test_public_types_are_granted_to_everybody_who_lacks_them(says: Says) -> None:
    alice = _somebody()
    assert "was added" in says("type", "add", "tiny", "256", "1", "4", "1", "--lifetime-h", "24")
    assert "lifetime 24 h" in says("type", "list")
    assert "1 granted" in says("quota", "grant", alice, "--public")
    assert "1 granted" in says("quota", "grant", "--public")
    assert "can be created" in says("quota", "show", alice).splitlines()[-1] or "tiny" in says("quota", "show", alice)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("type", "add", "small", "256", "1", "4", "1"), "already"),
        (("type", "add", "x", "1", "1", "4", "1"), "Memory must be from 128"),
        (("type", "set", "nothing", "--vcpus", "2"), "does not exist"),
        (("type", "remove", "nothing"), "does not exist"),
        (("quota", "show", "nobody"), "does not exist"),
        (("quota", "set", "nobody", "--credits", "2"), "does not exist"),
        (
            (
                "quota",
                "grant",
            ),
            "Name a user and a type",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(says: Says, words: tuple[str, ...], why: str) -> None:
    said = says(*words)
    assert said.startswith("no:")
    assert why in said
