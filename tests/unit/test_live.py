"""What pushes to open tabs must outlive."""

import pytest

from backend.services import identity
from pequeroku_ui import live


async def test_a_database_that_fails_does_not_end_the_pushes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_session_ids: set[int]) -> set[int]:
        raise OSError("the database is gone")

    monkeypatch.setattr(identity, "ended", fail)
    assert await live._run_out() == set()
    assert "the database is gone" in caplog.text
