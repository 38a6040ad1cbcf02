"""What the API does, whoever serves it: items, kept in memory."""

from threading import Lock


class Unknown(Exception):
    """There is no such item."""


class Wrong(Exception):
    """What was sent is no item. The message says why."""


class Items:
    """All items, by id."""

    def __init__(self) -> None:
        self._items: dict[int, dict[str, object]] = {}
        self._last_id = 0
        self._lock = Lock()

    def all(self) -> list[dict[str, object]]:
        return list(self._items.values())

    def get(self, item_id: int) -> dict[str, object]:
        try:
            return self._items[item_id]
        except KeyError:
            raise Unknown(f"There is no item {item_id}.") from None

    def add(self, name: object, amount: object = 1) -> dict[str, object]:
        if not isinstance(name, str) or not 1 <= len(name) <= 100:
            raise Wrong("Give a name of 1 to 100 characters.")
        if isinstance(amount, bool) or not isinstance(amount, int) or amount < 0:
            raise Wrong("Give a whole amount, not below 0.")
        with self._lock:
            self._last_id += 1
            item = {"id": self._last_id, "name": name, "amount": amount}
            self._items[self._last_id] = item
        return item

    def remove(self, item_id: int) -> None:
        self.get(item_id)
        self._items.pop(item_id, None)
