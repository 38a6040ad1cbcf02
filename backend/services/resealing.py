"""After SECRET_KEY was changed: everything that is kept sealed is sealed anew with the present key."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import SQLModel, col, select

from backend.db import Tx
from backend.models import Config, ConnectedAccount, Container, User, Webhook
from backend.rules.config_keys import KEYS
from backend.sealing import key_id, resealed


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A column with sealed secrets, and what they are sealed for."""

    table: type[SQLModel]
    column: str
    purpose: str


_SEALED = (
    _Sealed(User, "totp_secret_sealed", "totp"),
    _Sealed(Webhook, "secret_sealed", "webhook"),
    _Sealed(Container, "private_key_sealed", "guest-key"),
    _Sealed(ConnectedAccount, "access_sealed", "vault"),
    _Sealed(ConnectedAccount, "refresh_sealed", "vault"),
)
"""All but the secrets of Config, and what lives for minutes only (answers kept for a repeated request, tickets)."""


async def reseal(tx: Tx) -> int:
    """Seal all with the present key; returns how many were sealed with a former one. Twice is the same as once.

    Raises:
        Unavailable: one was sealed with a key that is not known here; nothing is changed.
    """
    changed = 0
    for each in _SEALED:
        column: Any = getattr(each.table, each.column)
        for row in (await tx.exec(select(each.table).where(column != "").with_for_update())).all():
            before = getattr(row, each.column)
            after = resealed(before, purpose=each.purpose)
            setattr(row, each.column, after)
            changed += after != before
            if isinstance(row, ConnectedAccount):
                row.key_id = key_id()
    secret = [key.name for key in KEYS.values() if key.secret]
    for row in (await tx.exec(select(Config).where(col(Config.name).in_(secret)).with_for_update())).all():
        after = resealed(row.value, purpose="config")
        changed += after != row.value
        row.value = after
    return changed
