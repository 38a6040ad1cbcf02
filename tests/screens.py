"""Lists and forms of the administration, as an administrator asks for them."""

from typing import Any

from backend.db import reading
from backend.rules.policy import SYSTEM, Actor
from backend.services.admin import listing, rows
from backend.services.admin.listing import Ask, Listing


async def listed(path: str, actor: Actor = SYSTEM, **ask: Any) -> Listing:
    async with reading() as tx:
        return await listing.list_rows(tx, actor, path, Ask(**ask))


async def opened_form(path: str, key: str) -> rows.Form:
    async with reading() as tx:
        return await rows.read_row(tx, SYSTEM, path, key)
