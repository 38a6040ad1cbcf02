"""What can go wrong, as the server says it."""

from typing import Any


class PequerokuError(Exception):
    """A refusal: the server's, or this program's own (`status` 0).

    `code` is one of docs/api.md's, or empty; `status` is the HTTP status; the text is a sentence.
    """

    def __init__(self, message: str, code: str = "", status: int = 0, body: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.status, self.body = code, status, body or {}


class Unreachable(PequerokuError):
    """The server gave no answer, in as many tries as were made."""


class NotReady(PequerokuError):
    """A machine did not come up; its `reason` is the text."""
