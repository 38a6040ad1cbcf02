"""Makes users for the browser tests, in the database of the server under test: `python -m tests.e2e.people 150`."""

import asyncio
import sys

from backend.db import dispose, transaction
from backend.rules.policy import SYSTEM
from backend.services.identity import create_user

COUNT = 150
PASSWORD = "a password for tests"


def name_of(number: int) -> str:
    """The user name of the n-th."""
    return f"person-{number}"


async def _make(count: int) -> None:
    for number in range(count):
        async with transaction() as tx:
            await create_user(tx, SYSTEM, username=name_of(number), password=PASSWORD)
    await dispose()


if __name__ == "__main__":
    asyncio.run(_make(int(sys.argv[1])))
