"""Config: what is changed while we run. Every key is a row, whether it was ever set or not."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import and_, case, literal, outerjoin, select, union_all
from sqlalchemy.orm import aliased
from sqlalchemy.sql import Select
from sqlmodel import col

from backend.db import Tx
from backend.errors import NotFound
from backend.models import Config, User
from backend.rules.config_keys import KEYS, Key
from backend.rules.forms import Choice, Field, Kind
from backend.rules.policy import Actor
from backend.services import config
from backend.services.admin.screen import Act, Column, Facts, Screen, Show, one_of, yes_or_no

_LONGEST = 2000


def _registry() -> Any:
    """The registry as a table, so that it is searched and sorted like any other."""
    rows: list[Select[Any]] = []
    for place, key in enumerate(KEYS.values()):
        facts = {
            "place": place,
            "name": key.name,
            "group": key.group,
            "help": key.help,
            "default": "" if key.secret else key.write(key.default),
            "secret": key.secret,
        }
        rows.append(cast("Select[Any]", select(*(literal(value).label(name) for name, value in facts.items()))))
    return union_all(*rows).subquery("registry")


_KEYS = _registry()
_BY = aliased(User)
_IS_SET = col(Config.name).is_not(None)


def _fields(name: str) -> tuple[Field, ...]:
    key = KEYS.get(name)
    return (_field(key),) if key else ()


def _field(key: Key[Any]) -> Field:
    is_number = isinstance(key.default, int | float) and not isinstance(key.default, bool)
    kind = Kind.TEXT
    if key.secret:
        kind = Kind.SECRET
    elif isinstance(key.default, bool):
        kind = Kind.SWITCH
    elif is_number:
        kind = Kind.NUMBER
    elif key.choices:
        kind = Kind.CHOICE
    default = "" if key.secret else f" Default: {key.write(key.default) or 'empty'}."
    return Field(
        name="value",
        label="Value",
        kind=kind,
        help=key.help + default,
        unit=key.unit,
        required=is_number or bool(key.choices),
        minimum=key.minimum,
        maximum=key.maximum,
        is_whole=isinstance(key.default, int),
        longest=_LONGEST,
        choices=tuple(Choice(each, each) for each in key.choices),
    )


async def _values(tx: Tx, name: str) -> dict[str, Any]:
    key = KEYS.get(name)
    if key is None:
        raise NotFound("That key")
    row = await tx.get(Config, name, with_for_update=True, populate_existing=True)
    return {"value": row is not None if key.secret else await config.value_of(tx, key)}


async def _save(tx: Tx, actor: Actor, name: str, values: Mapping[str, Any]) -> None:
    """An empty secret is one that was left alone: it can't be shown to be typed again."""
    key = KEYS[name]
    if key.secret and not values["value"]:
        return
    await config.set_config(tx, actor, name, key.write(values["value"]))


async def _reset(tx: Tx, actor: Actor, keys: Sequence[str], _typed: Mapping[str, Any]) -> str:
    await config.set_config(tx, actor, keys[0], None)
    return ""


def _was_set(facts: Facts) -> bool:
    return bool(facts["is_set"])


SCREEN = Screen(
    path="internal_config/config",
    title="Config",
    one="key",
    icon="sliders-horizontal",
    help="What can be changed while we run. A change holds at once, in every process.",
    source=outerjoin(
        outerjoin(_KEYS, Config, and_(Config.name == _KEYS.c.name)), _BY, col(_BY.id) == Config.updated_by_id
    ),
    key=_KEYS.c.name,
    name=_KEYS.c.name,
    is_numbered=False,
    target_type="config",
    columns=(
        Column("name", "Key", _KEYS.c.name, Show.CODE),
        Column("group", "Group", _KEYS.c.group, by=_KEYS.c.place),
        Column(
            "value",
            "Value",
            case(
                (_KEYS.c.secret, case((_IS_SET, "set, not shown"), else_="not set")),
                else_=case((_IS_SET, Config.value), else_=_KEYS.c.default),
            ),
            Show.CODE,
        ),
        Column("is_set", "Changed", _IS_SET, Show.SWITCH),
        Column("updated_at", "When", col(Config.updated_at), Show.AT, has_empties=True),
        Column("updated_by", "By", col(_BY.username), has_empties=True),
    ),
    facts=(Column("help", "What for", _KEYS.c.help), Column("default", "Default", _KEYS.c.default, Show.CODE)),
    search=(_KEYS.c.name, _KEYS.c.help, _KEYS.c.group),
    filters=(
        one_of("group", "Group", _KEYS.c.group, {key.group: key.group for key in KEYS.values()}),
        yes_or_no("set", "Changed", _IS_SET),
    ),
    ordering="group",
    fields=_fields,
    values=_values,
    save=_save,
    acts=(
        Act(
            name="reset",
            label="Put the default back",
            icon="undo-2",
            done="put back to the default",
            run=_reset,
            question="The present value is forgotten; a secret is erased.",
            applies=_was_set,
        ),
    ),
)
