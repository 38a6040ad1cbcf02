"""Config: what an admin changes while we run. Read at each use, so that it holds in every process at once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import select

from backend.db import Tx, insert_if_absent
from backend.errors import NotFound
from backend.models import Config, User
from backend.models.base import now
from backend.operation import note, operation, require
from backend.rules.config_keys import KEYS, Key, T
from backend.rules.policy import Action, Actor
from backend.sealing import seal, unseal

_PURPOSE = "config"


@dataclass(frozen=True, slots=True)
class ConfigView:
    """A key and its value. A secret's value is never in it: `is_set` says whether there is one."""

    key: Key[Any]
    value: str
    is_set: bool
    updated_at: datetime | None
    updated_by: str


async def value_of(tx: Tx, key: Key[T]) -> T:
    """What the key is set to now, or its default. For our own use: a secret comes out in the clear."""
    row = await tx.get(Config, key.name, populate_existing=True)
    if row is None:
        return key.default
    return key.parse(unseal(row.value, purpose=_PURPOSE) if key.secret else row.value)


@operation(Action.CONFIG_LIST)
async def list_config(tx: Tx, actor: Actor) -> list[ConfigView]:
    """Every key with its value; of secrets only whether there is one."""
    require(actor, Action.CONFIG_LIST)
    query = select(Config, User.username).join(User, isouter=True)
    rows = {row.name: (row, by) for row, by in (await tx.exec(query)).all()}
    return [_view(key, *rows.get(key.name, (None, None))) for key in KEYS.values()]


@operation(Action.CONFIG_SET)
async def set_config(tx: Tx, actor: Actor, name: str, text: str | None) -> None:
    """Set a key from what was typed; None puts the default back. It holds from the next use on, in every process.

    Where it says to whom a secret is sent, that is erased: secrets are told to nobody, an administrator's own server
    included. One that was given while there was nowhere to send it stays.

    Raises:
        NotFound: there is no such key.
        Invalid: the value is not one for it.
    """
    require(actor, Action.CONFIG_SET)
    key: Key[Any] | None = KEYS.get(name)
    if key is None:
        raise NotFound(f"The key “{name}”")
    await tx.flush()  # what was erased in this transaction is gone before it is looked for
    await insert_if_absent(tx, Config(name=name, value=_stored(key, key.default), description=key.help))
    row = await tx.get_one(Config, name, with_for_update=True, populate_existing=True)
    before = "(secret)" if key.secret else row.value
    after = "(secret)" if key.secret else key.write(key.default if text is None else key.parse(text))
    note("config", name, f"{name}: {before} → {after}", before=before, after=after)
    if row.value and after != row.value:
        await _erase_secrets_sent_to(tx, key)
    if text is None:
        await tx.delete(row)
        return
    row.value = _stored(key, key.parse(text))
    row.updated_at, row.updated_by_id = now(), actor.user_id


@operation(Action.AI_CHECK)
async def let_check_provider(tx: Tx, actor: Actor) -> None:
    """Let the actor try the provider of language models that is set.

    Raises:
        Forbidden: the actor is no administrator.
    """
    require(actor, Action.AI_CHECK)


async def _erase_secrets_sent_to(tx: Tx, key: Key[Any]) -> None:
    for secret in KEYS.values():
        if secret.sent_to == key.name and (row := await tx.get(Config, secret.name, with_for_update=True)) is not None:
            await tx.delete(row)
            note(erased=secret.name)


def _stored(key: Key[T], value: T) -> str:
    text = key.write(value)
    return seal(text, purpose=_PURPOSE) if key.secret else text


def _view(key: Key[Any], row: Config | None, by: str | None) -> ConfigView:
    value = "" if key.secret else (row.value if row else key.write(key.default))
    return ConfigView(key, value, row is not None, row.updated_at if row else None, by or "")
