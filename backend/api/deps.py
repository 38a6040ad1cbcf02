"""What routes ask for: who calls, and which page of a list."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from backend.api import limits
from backend.api.doors import actor_of
from backend.errors import Invalid
from backend.rules.policy import Actor

MOST = 200
T = TypeVar("T")


async def caller(request: Request) -> Actor:
    """Who calls, looked up once a request.

    Raises:
        Unauthenticated, Forbidden: as `actor_of`.
        Throttled: they call too often.
    """
    known = getattr(request.state, "caller", None)
    if known is None:
        known = request.state.caller = await limits.admitted(request, actor_of)
    return known


Caller = Annotated[Actor, Depends(caller)]
"""The parameter of a route that somebody has to be signed in for."""


class Page(BaseModel, Generic[T]):
    """A page of a list. `next_cursor`, given as `cursor`, brings the next one; null: this is the last."""

    items: list[T]
    next_cursor: str | None = Field(description="For the parameter `cursor` of the next request; null on the last page")


class Paging:
    """Which page is asked for, and the way to answer with it. `after` is the number that the page before ended with;
    None: begin.
    """

    def __init__(self, request: Request, response: Response, limit: int, after: int | None) -> None:
        self.limit, self.after = limit, after
        self._request, self._response = request, response

    def page(self, items: Sequence[Any], ended_with: int | None) -> dict[str, Any]:
        """The answer, with a `Link` to the next page where `ended_with` says that there is one."""
        return {"items": items, "next_cursor": self._next(ended_with)}

    def written(self, items: Sequence[bytes], ended_with: int | None) -> Response:
        """As `page`, of items that are JSON already."""
        cursor = json.dumps(self._next(ended_with)).encode()
        body = b'{"items":[' + b",".join(items) + b'],"next_cursor":' + cursor + b"}"
        return Response(body, media_type="application/json", headers=dict(self._response.headers))

    def cut(self, everything: Sequence[Any]) -> dict[str, Any]:
        """The page of a list that is short enough to be read as a whole."""
        begin = self.after or 0
        end = begin + self.limit
        return self.page(everything[begin:end], end if end < len(everything) else None)

    def _next(self, ended_with: int | None) -> str | None:
        if ended_with is None:
            return None
        cursor = urlsafe_b64encode(f"after {ended_with}".encode()).decode()
        address = self._request.url.include_query_params(cursor=cursor, limit=self.limit)
        self._response.headers["Link"] = f'<{address.path}?{address.query}>; rel="next"'
        return cursor


async def _paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most")] = 50,
    cursor: Annotated[str, Query(max_length=100, description="`next_cursor` of the page before")] = "",
) -> Paging:
    return Paging(request, response, limit, _number_in(cursor) if cursor else None)


Paged = Annotated[Paging, Depends(_paging)]
"""The parameter of a route that gives a list."""


def _number_in(cursor: str) -> int:
    try:
        word, _, number = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        if word == "after" and number.isdecimal() and len(number) < 10:
            return int(number)
    except ValueError:
        pass
    raise Invalid("That cursor is none of ours. Begin without one.", field="cursor")
