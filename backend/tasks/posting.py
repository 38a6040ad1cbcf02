"""One POST to an address that a person chose: to where it was seen to lead, with a deadline, and no step further."""

import asyncio
from dataclasses import dataclass

import httpx2

from backend.errors import PequerokuError
from backend.outward import Outward, Resolve, beginning, look_up
from backend.rules.internet import is_public
from backend.rules.plain_text import one_line

_DEADLINE_S = 10.0
_READ_BYTES = 4096
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: the status if there was an answer, and a sentence for the person."""

    status: int | None
    words: str

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


async def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    to_private: bool,
    deadline_s: float = _DEADLINE_S,
    resolve: Resolve = look_up,
) -> Answer:
    """Send it once. Redirects are not followed; of the answer no more than a little is read.

    Args:
        to_private: let it go to any address; then the answer's text, which may be a neighbour's, is not kept.
    """
    out = Outward(resolve, _anywhere if to_private else is_public)
    try:
        async with asyncio.timeout(deadline_s), out.asked("POST", url, headers=headers, body=body) as response:
            return await _told(response, shows_text=not to_private)
    except TimeoutError:
        return Answer(None, f"It did not answer within {deadline_s:g} s.")
    except PequerokuError as fault:
        return Answer(None, fault.message)


def _anywhere(_address: str) -> bool:
    return True


async def _told(response: httpx2.Response, *, shows_text: bool) -> Answer:
    words = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    if 300 <= response.status_code < 400:
        return Answer(response.status_code, f"{words}. Redirects are not followed: give the address it leads to.")
    text = await _legible(response) if shows_text else ""
    return Answer(response.status_code, f"{words}: {text}" if text else words)


async def _legible(response: httpx2.Response) -> str:
    """A little of what it says, as one line of legible text."""
    read, _ = await beginning(response, _READ_BYTES)
    return one_line(read.decode(errors="replace"))[:_SHOWN]
