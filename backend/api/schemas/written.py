"""JSON of rows that did not change, kept: what lists are made of, again and again."""

from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


class Written(Generic[T]):
    """Writes rows as a schema says. Services give an unchanged row as the same object: it is written once.

    Args:
        most: rows that are kept; all are forgotten when there are more.
    """

    def __init__(self, schema: type[Any], most: int) -> None:
        self._adapter, self._most = TypeAdapter(schema), most
        self._kept: dict[int, tuple[T, bytes]] = {}

    def of(self, row: T) -> bytes:
        """The row as JSON."""
        kept = self._kept.get(id(row))
        if kept is None or kept[0] is not row:
            if len(self._kept) >= self._most:
                self._kept.clear()
            shown = self._adapter.validate_python(row, from_attributes=True)
            kept = self._kept[id(row)] = row, self._adapter.dump_json(shown)
        return kept[1]
