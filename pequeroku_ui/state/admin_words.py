"""The administration as its pages show it: plain data for the browser, made from what the engine returns. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from backend.rules.forms import Field, Kind
from backend.services.admin.listing import Ask, Listed, Listing
from backend.services.admin.rows import Event, Form
from backend.services.admin.screen import Act, Column, Screen, Show

HOME = "/admin"


@dataclass(frozen=True)
class Cell:
    """One value of a row. `at` is a moment (ISO), `tone` colours it, `href` is where it leads."""

    label: str
    text: str
    show: str
    at: str
    tone: str
    href: str


@dataclass(frozen=True)
class ListRow:
    """One row of a list; the first cell leads to its page."""

    key: str
    name: str
    cells: list[Cell]


@dataclass(frozen=True)
class Head:
    """A column's head. `turned` is ascending, descending or none; `href` sorts by it, or turns it round."""

    label: str
    show: str
    href: str
    turned: str


@dataclass(frozen=True)
class Option:
    """One of the words of a choice."""

    value: str
    label: str
    is_chosen: bool
    name: str = ""


@dataclass(frozen=True)
class FilterBox:
    """A filter: a choice, a day, or (with neither) something a link came with, which can be taken away."""

    name: str
    label: str
    value: str
    is_date: bool
    is_loose: bool
    options: list[Option]


@dataclass(frozen=True)
class ActButton:
    """Something that can be done."""

    name: str
    label: str
    icon: str
    is_grave: bool


@dataclass(frozen=True)
class FormField:
    """One field of a form, with what it holds."""

    name: str
    label: str
    kind: str
    help: str
    unit: str
    value: str
    is_on: bool
    is_required: bool
    input_mode: str
    placeholder: str
    options: list[Option] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    """One row of a field that holds rows (the files of a template), by a number that stays while others go."""

    number: int
    fields: list[FormField]


@dataclass(frozen=True)
class Link:
    """Where else to look."""

    label: str
    href: str


@dataclass(frozen=True)
class Past:
    """A line of the history."""

    at: str
    who: str
    action: str
    message: str
    is_done: bool
    href: str


def place_of(screen: Screen, *more: str) -> str:
    """The address of a screen, or of a row of it."""
    return "/".join((HOME, screen.path, *more)) + "/"


def address(screen: Screen, ask: Ask, **change: Any) -> str:
    """The address of a list as it is asked for, with a `change`; what is as usual is left out."""
    asked = {**ask.filters, "q": ask.search, "sort": ask.sort, "page": ask.page, **change}
    usual = {"q": "", "sort": screen.ordering, "page": 1}
    query = {name: value for name, value in asked.items() if value not in ("", usual.get(name, ""))}
    return place_of(screen) + (f"?{urlencode(query, errors='replace')}" if query else "")


def ask_from(screen: Screen, query: Mapping[str, str]) -> Ask:
    """What an address asks for."""
    page = query.get("page", "1")
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 10 else 1
    filters = {each.name: query[each.name] for each in screen.filters if each.name in query}
    return Ask(query.get("q", ""), query.get("sort", ""), number, filters)


def heads(screen: Screen, ask: Ask) -> list[Head]:
    """The columns' heads."""
    return [_head(screen, ask, each) for each in screen.columns if not each.hidden]


def _head(screen: Screen, ask: Ask, column: Column) -> Head:
    sorts = column.of is not None and column.sortable
    is_it, is_down = ask.sort.removeprefix("-") == column.name, ask.sort.startswith("-")
    turned = ("descending" if is_down else "ascending") if is_it else "none"
    other = column.name if not is_it or is_down else f"-{column.name}"
    return Head(column.label, column.show, address(screen, ask, sort=other, page=1) if sorts else "", turned)


def list_rows(screen: Screen, listing: Listing) -> list[ListRow]:
    """The rows of a page."""
    return [ListRow(each.key, each.name, _cells(screen, each)) for each in listing.rows]


def _cells(screen: Screen, row: Listed) -> list[Cell]:
    shown = [each for each in screen.columns if not each.hidden]
    made = [_cell(each, row) for each in shown]
    first = Cell(made[0].label, made[0].text, made[0].show, made[0].at, "", place_of(screen, row.key))
    return [first, *made[1:]]


def facts(screen: Screen, row: Listed) -> list[Cell]:
    """Everything the row's page shows that can't be typed into."""
    return [_cell(each, row) for each in (*screen.columns, *screen.facts) if not each.hidden]


def _cell(column: Column, row: Listed) -> Cell:
    value = row.facts[column.name]
    text = _words(column, value)
    href = column.link.format(**row.facts, id=row.key) if column.link and value is not None else ""
    at = value.isoformat() if isinstance(value, datetime) else ""
    tone = (column.tones or {}).get(text, "")
    if column.show is Show.SWITCH:
        tone = "good" if value else "off"
    return Cell(column.label, text, column.show, at, tone, href)


def _words(column: Column, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if column.show is Show.SWITCH:
        return "yes" if value else "no"
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
        return f"{number} {column.unit}".strip()
    return str(value)


def filter_boxes(screen: Screen, ask: Ask) -> list[FilterBox]:
    """The filters; one that links come with only while it is in use."""
    boxes: list[FilterBox] = []
    for each in screen.filters:
        value = ask.filters.get(each.name, "")
        is_loose = not each.choices and not each.is_date
        options = [Option(one.value, one.label, one.value == value) for one in each.choices]
        if value or not is_loose:
            boxes.append(FilterBox(each.name, each.label, value, each.is_date, is_loose, options))
    return boxes


def count_words(screen: Screen, listing: Listing) -> str:
    """How many, in words."""
    if not listing.is_counted:
        return f"{screen.counted(listing.count)} or more: search or filter to get further"
    return screen.counted(listing.count)


def act_buttons(acts: Sequence[Act]) -> list[ActButton]:
    """What can be done."""
    return [ActButton(each.name, each.label, each.icon, each.is_grave) for each in acts]


def form_fields(fields: Sequence[Field], values: Mapping[str, Any], prefix: str = "") -> list[FormField]:
    """The fields of a form, filled in. `prefix` goes before each name."""
    return [_field(each, values.get(each.name, each.empty), prefix) for each in fields]


def _field(made: Field, value: Any, prefix: str) -> FormField:
    name = prefix + made.name
    is_whole = made.kind is Kind.NUMBER and made.is_whole
    placeholder = ("set; type to replace it" if value else "not set") if made.kind is Kind.SECRET else ""
    return FormField(
        name=name,
        label=made.label,
        kind=made.kind,
        help=made.help,
        unit=made.unit,
        value="" if made.kind in (Kind.SECRET, Kind.SWITCH, Kind.MANY, Kind.ITEMS) or value is None else str(value),
        is_on=made.kind is Kind.SWITCH and bool(value),
        is_required=made.required,
        input_mode="numeric" if is_whole else "decimal" if made.kind is Kind.NUMBER else "text",
        placeholder=placeholder,
        options=[
            Option(
                each.value,
                each.label,
                each.value in value if made.kind is Kind.MANY else each.value == value,
                f"{name}.{each.value}",
            )
            for each in made.choices
        ],
    )


def entries(made: Field, rows: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """The rows of a field that holds rows."""
    return [entry(made, number, each) for number, each in enumerate(rows)]


def entry(made: Field, number: int, values: Mapping[str, Any]) -> Entry:
    """One of them."""
    return Entry(number, form_fields(made.items, values, f"{made.name}.{number}."))


def typed(fields: Sequence[Field], form: Mapping[str, Any]) -> dict[str, Any]:
    """What a browser sent of a form, by field: boxes that are ticked, and rows, are told by names with dots."""
    return {each.name: _typed(each, form) for each in fields}


def _typed(made: Field, form: Mapping[str, Any]) -> Any:
    if made.kind is Kind.MANY:
        return [each.value for each in made.choices if form.get(f"{made.name}.{each.value}")]
    if made.kind is Kind.ITEMS:
        parts = [str(name).split(".", 2) for name in form]
        numbers = {int(each[1]) for each in parts if each[0] == made.name and len(each) == 3 and each[1].isdecimal()}
        return [
            {each.name: form.get(f"{made.name}.{number}.{each.name}", "") for each in made.items}
            for number in sorted(numbers)
        ]
    return form.get(made.name, "")


def links(screen: Screen, row: Listed) -> list[Link]:
    """Where else to look about a row."""
    return [Link(label, href.format(**row.facts, id=row.key)) for label, href in screen.links]


def history(form: Form) -> list[Past]:
    """What happened to a row, newest first."""
    return [_past(each) for each in form.history]


def _past(event: Event) -> Past:
    href = f"{HOME}/internal_config/auditlog/{event.audit_id}/"
    return Past(event.at.isoformat(), event.who, event.action, event.message, event.success, href)
