"""Blocking calls in a node's threads."""

import asyncio

import pytest

from backend.hypervisor.libvirt_calls import Calls


async def test_a_call_can_be_cancelled_at_any_moment() -> None:
    calls = Calls("n1")
    for turns in range(12):
        call = asyncio.create_task(calls.run(lambda: None, deadline_s=5))
        for _ in range(turns):
            await asyncio.sleep(0)
        if call.cancel():
            with pytest.raises(asyncio.CancelledError):
                await call
    assert await calls.run(lambda: "still", deadline_s=5) == "still"
    calls.close()
