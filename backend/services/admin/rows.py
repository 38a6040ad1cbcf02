"""One row of a screen: its form, its history, and what can be done to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from backend.db import Tx
from backend.errors import Conflict, Invalid, NotFound, PequerokuError
from backend.models import AuditLog
from backend.operation import note, operation, require
from backend.rules.forms import Choice, Field, Kind, Refused, When, differences, etag_of, parse_all
from backend.rules.policy import Action, Actor
from backend.services.admin.listing import Listed, read, selected
from backend.services.admin.screen import Act, Screen, is_id
from backend.services.admin.screens import screen_at

_HISTORY_ROWS = 20
_NEWEST_FIRST = (col(AuditLog.created_at).desc(), col(AuditLog.id).desc())


@dataclass(frozen=True, slots=True)
class Event:
    """A line of a row's history, from the audit log."""

    audit_id: int
    at: datetime
    who: str
    action: str
    message: str
    success: bool


@dataclass(frozen=True, slots=True)
class Form:
    """A row, or one that is not there yet: the fields that can be typed into, and their values."""

    row: Listed | None
    fields: tuple[Field, ...]
    values: Mapping[str, Any]
    history: tuple[Event, ...]
    acts: tuple[Act, ...]


class Stale(Conflict):
    """Somebody changed the row since it was opened. `values` are the present ones."""

    code = "stale"

    def __init__(self, who: str, changes: Sequence[str], values: Mapping[str, Any]) -> None:
        by = f"{who} changed it" if who else "Somebody changed it"
        super().__init__(f"{by} since you opened it. {'; '.join(changes)}. What you typed is still here.")
        self.changes, self.values = tuple(changes), dict(values)


@operation(Action.ADMIN_READ)
async def read_row(tx: Tx, actor: Actor, path: str, key: str) -> Form:
    """A row's page; with an empty key, the form for a new one.

    Raises:
        NotFound: there is no such screen, no such row, or nothing can be added there.
        Forbidden: the actor is no administrator.
    """
    require(actor, Action.ADMIN_READ)
    screen = screen_at(path)
    if not key:
        if screen.add is None:
            raise NotFound("That form")
        fields = await _fields(tx, screen, "", When.ADDING)
        return Form(None, fields, {each.name: _start(each) for each in fields}, (), ())
    row = await _row(tx, screen, key)
    fields = await _fields(tx, screen, key, When.CHANGING)
    values = await _values(tx, screen, key, fields)
    acts = tuple([await _with_choices(tx, screen, each) for each in screen.acts if each.applies(row.facts)])
    return Form(row, fields, values, await _history(tx, screen, key), acts)


@operation(Action.ADMIN_SAVE)
async def save_row(
    tx: Tx, actor: Actor, path: str, key: str, typed: Mapping[str, object], *, opened: Mapping[str, Any]
) -> str:
    """Save a form through the screen's operation; `opened` are the values it was opened with. Returns the row's key.

    Raises:
        Refused: fields that can't be taken, each with its sentence.
        Stale: the row is not what was opened any more. Nothing is saved.
        NotFound: no such screen or row. And whatever the operation refuses.
    """
    require(actor, Action.ADMIN_SAVE)
    screen = screen_at(path)
    note(screen.target_type, key)
    if not key and screen.add is not None:
        values = parse_all(await _fields(tx, screen, "", When.ADDING), typed)
        return str(await screen.add(tx, actor, values))
    if screen.save is None:
        raise NotFound("That form")
    await _lock(tx, screen, key)
    await _row(tx, screen, key)
    fields = await _fields(tx, screen, key, When.CHANGING)
    present = await _values(tx, screen, key, fields)
    if etag_of(present) != etag_of(opened):
        raise Stale(await _last_writer(tx, screen, key, actor), differences(fields, opened, present), present)
    await screen.save(tx, actor, key, parse_all(fields, typed))
    return key


@operation(Action.ADMIN_ACT)
async def act_on(tx: Tx, actor: Actor, path: str, name: str, keys: Sequence[str], typed: Mapping[str, object]) -> str:
    """Do one of the screen's acts to rows; returns what it says of them, which may be nothing.

    Raises:
        Refused: what it asks for can't be taken.
        NotFound: no such screen, act or row. And whatever the operation behind it refuses.
    """
    require(actor, Action.ADMIN_ACT)
    screen = screen_at(path)
    act = next((each for each in screen.acts if each.name == name), None)
    if act is None or not keys:
        raise NotFound("That action")
    note(screen.target_type, keys[0] if len(keys) == 1 else "")
    for key in keys:
        await _row(tx, screen, key)
    return await act.run(tx, actor, keys, parse_all((await _with_choices(tx, screen, act)).fields, typed))


@operation(Action.ADMIN_ASK)
async def act_fields(tx: Tx, actor: Actor, path: str, name: str) -> tuple[Field, ...]:
    """What an act asks for, with what is offered now.

    Raises:
        NotFound: no such screen or act.
    """
    require(actor, Action.ADMIN_ASK)
    screen = screen_at(path)
    for act in screen.acts:
        if act.name == name:
            return (await _with_choices(tx, screen, act)).fields
    raise NotFound("That action")


def wrong_with(path: str, key: str, name: str, raw: object) -> str:
    """What is wrong with a value that was just typed into a screen's field, as a sentence; or ""."""
    screen = screen_at(path)
    field = next((each for each in screen.fields_of(key) if each.name == name), None)
    if field is None or field.kind in (Kind.CHOICE, Kind.MANY, Kind.ITEMS):
        return ""
    try:
        field.parse(raw)
    except Invalid as refusal:
        return refusal.message
    return ""


def problems_of(refusal: PequerokuError) -> dict[str, str]:
    """By field what is wrong with what was typed; under "" what is no single field's."""
    if isinstance(refusal, Refused):
        return dict(refusal.problems)
    return {refusal.field if isinstance(refusal, Invalid) else "": refusal.message}


async def _row(tx: Tx, screen: Screen, key: str) -> Listed:
    if screen.is_numbered and not is_id(key):
        raise NotFound(f"That {screen.one}")
    query = selected(screen, whole=True).where(screen.key == (int(key) if screen.is_numbered else key))
    found = await read(tx, screen, query)
    if not found:
        raise NotFound(f"That {screen.one}")
    return found[0]


async def _lock(tx: Tx, screen: Screen, key: str) -> None:
    """The row stays as it is while we compare and write. (Rows that are no table's have no lock to take.)"""
    if screen.lock is not None and is_id(key):
        await screen.lock(tx, key)
    elif screen.model is not None and is_id(key):
        await tx.get(screen.model, int(key), with_for_update={"key_share": True}, populate_existing=True)


async def _fields(tx: Tx, screen: Screen, key: str, when: When) -> tuple[Field, ...]:
    offered = await _offered(tx, screen)
    fields = [each for each in screen.fields_of(key) if each.when in (When.ALWAYS, when)]
    return tuple(_offering(each, offered) for each in fields)


async def _with_choices(tx: Tx, screen: Screen, act: Act) -> Act:
    if not act.fields:
        return act
    offered = await _offered(tx, screen)
    return replace(act, fields=tuple(_offering(each, offered) for each in act.fields))


async def _offered(tx: Tx, screen: Screen) -> Mapping[str, tuple[Choice, ...]]:
    if screen.choices is None:
        return {}
    return await screen.choices(tx)


def _offering(field: Field, offered: Mapping[str, tuple[Choice, ...]]) -> Field:
    return replace(field, choices=offered[field.name]) if field.name in offered else field


def _start(field: Field) -> Any:
    """What a new row's form begins with."""
    return field.choices[0].value if field.choices and field.required and field.empty != [] else field.empty


async def _values(tx: Tx, screen: Screen, key: str, fields: Sequence[Field]) -> dict[str, Any]:
    if screen.values is not None:
        read = await screen.values(tx, key)
        return {each.name: read[each.name] for each in fields}
    if screen.model is None or not fields:
        return {}
    row = await tx.get(screen.model, int(key))
    return {each.name: getattr(row, each.name) for each in fields}


def _about(screen: Screen, key: str) -> Any:
    return (col(AuditLog.target_type) == screen.target_type) & (col(AuditLog.target_id) == key)


async def _history(tx: Tx, screen: Screen, key: str) -> tuple[Event, ...]:
    if not screen.target_type:
        return ()
    query = select(AuditLog).where(_about(screen, key)).order_by(*_NEWEST_FIRST).limit(_HISTORY_ROWS)
    rows = (await tx.exec(query)).all()
    return tuple(Event(row.id, row.created_at, row.actor_name, row.action, row.message, row.success) for row in rows)


async def _last_writer(tx: Tx, screen: Screen, key: str, actor: Actor) -> str:
    """Who the audit log has as the last to do something to the row; "you" in another window."""
    query = select(AuditLog).where(_about(screen, key), col(AuditLog.success)).order_by(*_NEWEST_FIRST)
    last = (await tx.exec(query.limit(1))).first()
    if last is None:
        return ""
    return "You, elsewhere," if last.user_id is not None and last.user_id == actor.user_id else last.actor_name
