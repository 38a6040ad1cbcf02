"""Lists of `/api/v1/`: `{count, next, previous, results}`, by `limit` and `offset`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

MOST = 200
_LAST_OFFSET = 2**31 - 1
T = TypeVar("T")


class Listed(BaseModel, Generic[T]):
    """A part of a list. `next` and `previous` are addresses on this server, or null where there is no more."""

    count: int = Field(description="How many there are in all")
    next: str | None = Field(examples=["/api/v1/containers/?limit=50&offset=50"])
    previous: str | None
    results: list[T]


@dataclass(frozen=True, slots=True)
class Part:
    """Which part is asked for, and the way to answer with it."""

    request: Request
    limit: int
    offset: int

    def listed(self, count: int, results: Sequence[T]) -> Listed[T]:
        """The answer with these, which begin at `offset`."""
        end = self.offset + self.limit
        before = max(0, self.offset - self.limit)
        return Listed[T](
            count=count,
            next=self._address(end) if end < count else None,
            previous=self._address(before) if self.offset else None,
            results=list(results),
        )

    def written(self, count: int, results: Sequence[bytes]) -> Response:
        """As `listed`, of what is JSON already."""
        empty = self.listed(count, list[object]()).model_dump_json(exclude={"results"})
        body = empty[:-1].encode() + b',"results":[' + b",".join(results) + b"]}"
        return Response(body, media_type="application/json")

    def cut(self, everything: Sequence[T]) -> Listed[T]:
        """The answer from a list that is short enough to be read as a whole."""
        return self.listed(len(everything), everything[self.offset : self.offset + self.limit])

    def _address(self, offset: int) -> str:
        url = self.request.url.include_query_params(limit=self.limit, offset=offset)
        return f"{url.path}?{url.query}"


async def _part(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most")] = 50,
    offset: Annotated[int, Query(ge=0, le=_LAST_OFFSET, description="How many to pass over")] = 0,
) -> Part:
    return Part(request, limit, offset)


Asked = Annotated[Part, Depends(_part)]
"""The parameter of a route that gives a list."""
