"""The list of a screen: searched, filtered, sorted and paged in SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.sql import Select

from backend.db import Tx
from backend.operation import operation, require
from backend.rules.policy import Action, Actor
from backend.services.admin.screen import Column, Facts, Screen
from backend.services.admin.screens import screen_at

PAGE_ROWS = 50
COUNTED_AT_MOST = 10_000
"""A list is counted, and paged through, up to here: beyond, one has to search."""

_KEY, _NAME = "_key", "_name"
_LONGEST_SEARCH = 200
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a list. All of it may be anybody's guess: what a screen doesn't know is as if not asked."""

    search: str = ""
    sort: str = ""
    """A column's name, with a minus in front for the other way round."""
    page: int = 1
    filters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Listed:
    """A row: its key, what it is called, and its columns by name."""

    key: str
    name: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list. `ask` is what was understood of the question."""

    rows: tuple[Listed, ...]
    ask: Ask
    count: int
    is_counted: bool
    """False: there may be more than `count`."""
    pages: int


@operation(Action.ADMIN_LIST)
async def list_rows(tx: Tx, actor: Actor, path: str, ask: Ask) -> Listing:
    """A page of a screen's rows.

    Raises:
        NotFound: there is no such screen.
        Forbidden: the actor is no administrator.
    """
    require(actor, Action.ADMIN_LIST)
    screen = screen_at(path)
    understood = _understood(screen, ask)
    wanted, most = await _conditions(tx, screen, understood)
    count = await _count(tx, screen, wanted)
    pages = max(1, -(-min(count, COUNTED_AT_MOST) // PAGE_ROWS))
    page = min(understood.page, pages)
    query = selected(screen).where(*wanted).order_by(*_order(screen, understood.sort))
    rows = await read(tx, screen, query.limit(PAGE_ROWS).offset((page - 1) * PAGE_ROWS))
    asked = Ask(understood.search, understood.sort, page, understood.filters)
    return Listing(tuple(rows), asked, min(count, COUNTED_AT_MOST), count < most, pages)


def selected(screen: Screen, *, whole: bool = False) -> Select[Any]:
    """The query of a screen's columns; `whole`: with what only a row's own page shows."""
    columns = [*screen.columns, *(screen.facts if whole else ())]
    known = {_KEY: screen.key, _NAME: screen.name, **{each.name: each.of for each in columns}}
    chosen = [cast(Any, each).label(name) for name, each in known.items() if each is not None]
    return cast("Select[Any]", select(*chosen)).select_from(screen.source)


async def read(tx: Tx, screen: Screen, query: Select[Any]) -> list[Listed]:
    """The rows of a query made by `selected`, with what SQL does not know of them."""
    found = await (await tx.connection()).execute(query)
    facts = [dict(cast("Mapping[str, Any]", row)) for row in found.mappings()]
    rows = [Listed(str(each.pop(_KEY)), str(each.pop(_NAME)), each) for each in facts]
    if screen.finish is not None:
        await screen.finish(tx, [each.facts for each in rows])
    return rows


async def _count(tx: Tx, screen: Screen, wanted: list[ColumnElement[bool]]) -> int:
    """How many there are, looking at no more than can be paged through, and one."""
    some = select(screen.key).select_from(screen.source).where(*wanted).limit(COUNTED_AT_MOST + 1).subquery()
    return int((await (await tx.connection()).execute(select(func.count()).select_from(some))).scalar_one())


def _understood(screen: Screen, ask: Ask) -> Ask:
    search = "".join(each for each in ask.search.encode(errors="ignore").decode() if each.isprintable())
    known = {each.name: _clean(ask.filters.get(each.name, "")) for each in screen.filters}
    filters = {each.name: known[each.name] for each in screen.filters if _is_meant(each.condition, known[each.name])}
    name = ask.sort.removeprefix("-")
    sort = ask.sort if any(each.name == name for each in _sortable(screen)) else screen.ordering
    return Ask(search.strip()[:_LONGEST_SEARCH], sort, max(1, ask.page), filters)


def _clean(text: str) -> str:
    return "".join(each for each in text.encode(errors="ignore").decode() if each.isprintable())[:_LONGEST_SEARCH]


def _is_meant(condition: Any, text: str) -> bool:
    return bool(text) and condition(text) is not None


async def _conditions(tx: Tx, screen: Screen, ask: Ask) -> tuple[list[ColumnElement[bool]], int]:
    """The conditions, and a number: where so many rows are found there may be more."""
    if screen.matches is not None and (found := await screen.matches(tx, ask.search, ask.filters)) is not None:
        return [found], screen.matches_at_most
    made = [each.condition(ask.filters[each.name]) for each in screen.filters if each.name in ask.filters]
    words = ask.search.split()[:_MOST_WORDS] if screen.search else []
    wanted = [*(each for each in made if each is not None), *(_holds(screen, word) for word in words)]
    return wanted, COUNTED_AT_MOST + 1


def _holds(screen: Screen, word: str) -> ColumnElement[bool]:
    return or_(*(each.icontains(word, autoescape=True) for each in screen.search))


def _sortable(screen: Screen) -> list[Column]:
    return [each for each in screen.columns if each.of is not None and each.sortable and not each.hidden]


def _order(screen: Screen, sort: str) -> list[ColumnElement[Any]]:
    """By the column, then by the key: no two pages show the same row."""
    column = next(each for each in _sortable(screen) if each.name == sort.removeprefix("-"))
    first = column.of if column.by is None else column.by
    order = [first, screen.key] if first is not None and first is not screen.key else [screen.key]
    turned: list[ColumnElement[Any]] = [each.desc() if sort.startswith("-") else each.asc() for each in order]
    return [turned[0].nulls_last(), *turned[1:]] if column.has_empties else turned
