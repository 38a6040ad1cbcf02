"""What a screen of the administration is: a table's list and form, described. The engine does the rest."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Concatenate, ParamSpec

from sqlalchemy import ColumnElement, SQLColumnExpression

from backend.db import Tx
from backend.models.base import Table
from backend.rules.forms import Choice, Field, Kind
from backend.rules.policy import Actor

P = ParamSpec("P")
Expr = SQLColumnExpression[Any]
Facts = dict[str, Any]
"""A row's columns by their names."""
Run = Callable[[Tx, Actor, Sequence[str], Mapping[str, Any]], Awaitable[str]]
"""What an act does: to the rows of these keys, with what was typed into its fields; returns what to say of it."""


class Show(StrEnum):
    """How a value is drawn."""

    TEXT = "text"
    NUMBER = "number"
    SWITCH = "switch"
    AT = "at"
    CODE = "code"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A value of each row. Without an expression `of` it comes from the screen's `finish`, and can't be sorted by.

    `tones` colours words, `link` is where a value leads (`{name}` stands for a column), `hidden` ones are only for
    `finish` and for links. `by` is sorted by in its stead, where that means the same and has an index.
    `has_empties`: nulls stand last, whichever way it is sorted.
    """

    name: str
    label: str = ""
    of: Expr | None = None
    show: Show = Show.TEXT
    link: str = ""
    tones: Mapping[str, str] | None = None
    unit: str = ""
    hidden: bool = False
    sortable: bool = True
    by: Expr | None = None
    has_empties: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A way to see fewer rows. `condition` gives None for what is no value of it: then it is as if not asked.

    One without `choices` is set by links and by hand in the address; the list shows it, and lets it be taken away.
    """

    name: str
    label: str
    condition: Callable[[str], ColumnElement[bool] | None]
    choices: tuple[Choice, ...] = ()
    is_date: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something to do to rows. `run` gets one key, or all that were chosen where it works on them `together`.

    What `run` returns is said to the person; "" is said as “3 containers started”, with `done`. Where the
    `question` is empty, one row's is done at the first click. `applies` is asked with a row's columns.
    """

    name: str
    label: str
    icon: str
    done: str
    run: Run
    question: str = ""
    fields: tuple[Field, ...] = ()
    is_grave: bool = False
    together: bool = False
    in_bulk: bool = True
    applies: Callable[[Facts], bool] = lambda _: True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Screen:
    """A list at /admin/<path>/ and a row at /admin/<path>/<key>/.

    `source` is what SQLAlchemy selects from; `columns` of the list, and `facts` that only the row's page shows, are
    read from it. `search` are looked through for every word that is typed; where a table is too long for that,
    `matches` makes the condition instead, from what is searched for and the filters, for the newest
    `matches_at_most` rows, or None where the filters alone do. `values` reads a form's values (None: the model's
    attributes of the same names); `save` and `add` are the operations behind the form. `target_type` is the audit
    log's word for such rows.
    """

    path: str
    title: str
    one: str
    icon: str
    source: Any
    key: Expr
    name: Expr
    columns: tuple[Column, ...]
    ordering: str
    many: str = ""
    help: str = ""
    target_type: str = ""
    is_numbered: bool = True
    search: tuple[Expr, ...] = ()
    matches: Callable[[Tx, str, Mapping[str, str]], Awaitable[ColumnElement[bool] | None]] | None = None
    matches_at_most: int = 0
    filters: tuple[Filter, ...] = ()
    facts: tuple[Column, ...] = ()
    finish: Callable[[Tx, list[Facts]], Awaitable[None]] | None = None
    model: type[Table] | None = None
    fields: tuple[Field, ...] | Callable[[str], tuple[Field, ...]] = ()
    choices: Callable[[Tx], Awaitable[Mapping[str, tuple[Choice, ...]]]] | None = None
    values: Callable[[Tx, str], Awaitable[dict[str, Any]]] | None = None
    lock: Callable[[Tx, str], Awaitable[object]] | None = None
    """Where the operation locks something else before the row, the same has to be done here: else they wait for each
    other."""
    save: Callable[[Tx, Actor, str, Mapping[str, Any]], Awaitable[object]] | None = None
    add: Callable[[Tx, Actor, Mapping[str, Any]], Awaitable[object]] | None = None
    acts: tuple[Act, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """Label and address, with `{name}` for a column."""

    def fields_of(self, key: str) -> tuple[Field, ...]:
        """The fields of a row's form; some screens have other ones for each row."""
        return self.fields(key) if callable(self.fields) else self.fields

    def counted(self, number: int) -> str:
        """“1 node”, “3 nodes”."""
        return f"{number:,} {self.one if number == 1 else self.many or self.one + 's'}"


def on_row(do: Callable[Concatenate[Tx, Actor, int, P], Awaitable[object]], *given: P.args, **named: P.kwargs) -> Run:
    """An act's `run` that does an operation to one row, and says nothing of its own."""

    async def run(tx: Tx, actor: Actor, keys: Sequence[str], _typed: Mapping[str, Any]) -> str:
        await do(tx, actor, int(keys[0]), *given, **named)
        return ""

    return run


def deletion(do: Callable[[Tx, Actor, int], Awaitable[object]], question: str, *, done: str = "deleted") -> Act:
    """The act that ends a row; `question` says what goes with it, and what stays."""
    return Act(
        name="delete", label="Delete", icon="trash-2", done=done, run=on_row(do), question=question, is_grave=True
    )


def required_number(name: str, label: str, unit: str = "", help: str = "") -> Field:  # noqa: A002 - the field's name
    """A field for a number that has to be there."""
    return Field(name=name, label=label, kind=Kind.NUMBER, required=True, unit=unit, help=help)


def one_of(name: str, label: str, of: Expr, words: Mapping[str, str]) -> Filter:
    """A filter for a column that holds one of a few words."""
    choices = tuple(Choice(value, said) for value, said in words.items())
    return Filter(name, label, lambda text: of == text if text in words else None, choices)


def yes_or_no(name: str, label: str, of: Expr, yes: str = "Yes", no: str = "No") -> Filter:
    """A filter for a truth."""
    truths = {"yes": True, "no": False}
    return Filter(
        name,
        label,
        lambda text: of.is_(truths[text]) if text in truths else None,
        (Choice("yes", yes), Choice("no", no)),
    )


def numbered(name: str, label: str, of: Expr) -> Filter:
    """A filter for an id, for links to come with."""
    return Filter(name, label, lambda text: of == int(text) if is_id(text) else None)


def exactly(name: str, label: str, of: Expr) -> Filter:
    """A filter for a word, for links to come with."""
    return Filter(name, label, lambda text: of == text if text else None)


def since(name: str, label: str, of: Expr, *, is_end: bool = False) -> Filter:
    """A filter for a day, in UTC: from its beginning on, or until its end."""

    def condition(text: str) -> ColumnElement[bool] | None:
        moment = day_of(text, is_end=is_end)
        if moment is None:
            return None
        return of < moment if is_end else of >= moment

    return Filter(name, label, condition, is_date=True)


def day_of(text: str, *, is_end: bool = False) -> datetime | None:
    """When a day such as 2026-11-21 begins, in UTC, or is over; None for what is no day."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return day + timedelta(days=1) if is_end else day
    except (ValueError, OverflowError):
        return None


def is_id(text: str) -> bool:
    """Whether it can be a row's number (and not more than any database counts to)."""
    return text.isascii() and text.isdecimal() and len(text) < 10
