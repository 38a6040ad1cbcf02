"""Which schema this version of the product needs, and whether the database has it.

Told from the names in alembic's files, without alembic: it holds 8 MB that a server needs for nothing else.
"""

import re
from functools import lru_cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.db import reading

_VERSIONS = Path(__file__).resolve().parent.parent / "alembic" / "versions"
_NAMES = re.compile(r"^(revision|down_revision) = '(\w+)'", re.MULTILINE)


async def is_current() -> bool:
    """Whether the database has this version's schema."""
    try:
        async with reading() as tx:
            rows = (await (await tx.connection()).execute(text("SELECT version_num FROM alembic_version"))).all()
    except DBAPIError:  # no such table: it was never migrated
        return False
    return [row[0] for row in rows] == [needed()]


@lru_cache
def needed() -> str:
    """The newest revision: the one that no other builds on."""
    named = [dict(_NAMES.findall(path.read_text())) for path in _VERSIONS.glob("*.py")]
    (newest,) = {each["revision"] for each in named} - {each.get("down_revision") for each in named}
    return newest
