"""Which containers a list is of, and the query for them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlmodel import col, select

from backend.models import Container, ContainerType, Node, Status
from backend.rules.policy import Actor
from backend.services.access import shared_with
from backend.services.showing import surroundings


@dataclass(frozen=True, slots=True)
class Search:
    """Which containers. What is empty does not matter; `status` is the shown one, `owner` is me or others."""

    status: str = ""
    desired_state: str = ""
    owner: str = ""
    type_name: str = ""
    text: str = ""


EVERYTHING = Search()


@lru_cache(maxsize=512)
def listing(
    person: Actor, search: Search, before_id: int | None, limit: int | None, offset: int = 0
) -> Select[*tuple[Any, ...]]:
    """The query for what a person may see of what is searched for, newest first. Kept: to build it takes as long as
    to ask it. `person` is nothing but an id here.
    """
    wanted = _conditions(search, person)
    own = select(Container.id).where(Container.user_id == person.user_id)
    if before_id is not None:
        wanted.append(col(Container.id) < before_id)
        own = own.where(col(Container.id) < before_id)
    if limit is not None and search == EVERYTHING:
        own = own.order_by(col(Container.id).desc()).limit(
            limit + offset
        )  # or all of thousands would be gathered for a page
    seen = select(own.subquery().c.id).union(shared_with(person))
    shown = surroundings().where(col(Container.id).in_(seen), *wanted).order_by(col(Container.id).desc())
    return shown.limit(limit).offset(offset or None)


def _conditions(search: Search, person: Actor) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if search.status:
        found.append(_has_status(search.status))
    if search.desired_state:
        found.append(col(Container.desired_state) == search.desired_state)
    if search.owner:
        is_mine = col(Container.user_id) == person.user_id
        found.append(is_mine if search.owner == "me" else ~is_mine)
    if search.type_name:
        found.append(col(ContainerType.container_type_name) == search.type_name)
    if search.text:
        found.append(col(Container.name).icontains(search.text, autoescape=True))
    return found


def _has_status(shown: str) -> ColumnElement[bool]:
    """As rules/lifecycle.py shows it: what a node that does not answer holds is unknown, but for what is not there."""
    is_made = col(Container.status) != Status.CREATED
    if shown == "unknown":
        return ~col(Node.healthy) & is_made
    is_so = col(Container.status) == shown
    return is_so if shown == Status.CREATED else is_so & col(Node.healthy)
