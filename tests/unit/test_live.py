"""What pushes to open tabs must outlive, and whom they must not reach."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from backend.rules.policy import Actor
from backend.services import identity
from pequeroku_ui import live
from pequeroku_ui.state.container import ContainerState
from pequeroku_ui.state.watching import forget, topic_of, watch, watches
from pequeroku_ui.tabs import opened


async def test_a_database_that_fails_does_not_end_the_pushes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_session_ids: set[int]) -> set[int]:
        raise OSError("the database is gone")

    monkeypatch.setattr(identity, "ended", fail)
    assert await live._run_out() == set()
    assert "the database is gone" in caplog.text


class _OneTab:
    """An app with one tab, whose state's turn comes when what was before is done."""

    def __init__(self, session_id: int) -> None:
        self.state = SimpleNamespace(_session_id=session_id)

    @asynccontextmanager
    async def modify_state(self, _token: object) -> AsyncGenerator[Any]:
        yield self

    async def get_state(self, _kind: object) -> SimpleNamespace:
        return self.state


@pytest.mark.parametrize(
    ("topic", "session_id", "is_told"), [(3, 1, True), (4, 1, False), (3, 2, False), (0, 1, False)]
)
async def test_news_of_a_page_that_was_left_is_not_shown_on_the_next(
    topic: int, session_id: int, is_told: bool
) -> None:
    actor = Actor(user_id=1, username="alice", session_id=1)
    watch("tab", actor, topic_of(3), "sid")
    before, app = watches()["tab"], _OneTab(session_id)
    if topic:
        watch("tab", actor, topic_of(topic), "sid")
    else:
        forget(["tab"])
    try:
        async with opened(app, "tab", before, ContainerState) as state:  # type: ignore[arg-type]
            assert (state is not None) is is_told
    finally:
        forget(["tab"])
