"""What both clients know of HTTP: addresses, headers, errors, and when to try again."""

import os
import random
from typing import Any

import httpx

from pequeroku.calls import Call
from pequeroku.errors import PequerokuError, Unreachable

TRIES = 4
_AGAIN = frozenset({429, 502, 503})
_LONGEST_S = 20.0


def where(url: str, key: str) -> tuple[str, dict[str, str]]:
    """The server's address and the headers, from what was given or from PEQUEROKU_URL and PEQUEROKU_KEY.

    Raises:
        PequerokuError: one of them is missing.
    """
    url, key = url or os.environ.get("PEQUEROKU_URL", ""), key or os.environ.get("PEQUEROKU_KEY", "")
    if not url or not key:
        raise PequerokuError("Give url and key, or set PEQUEROKU_URL and PEQUEROKU_KEY.", "unauthorized")
    return url.rstrip("/"), {"Authorization": f"Bearer {key}", "User-Agent": "pequeroku-python/1.0.0"}


def request_of(call: Call[Any], client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    """The call as HTTP."""
    headers = {"Idempotency-Key": call.key} if call.key else {}
    timeout = httpx.Timeout(call.timeout_s, connect=10.0)
    query = {name: value for name, value in call.query.items() if value is not None}
    return client.build_request(call.method, call.path, json=call.body, params=query, headers=headers, timeout=timeout)


def wait_s(call: Call[Any], attempt: int, response: httpx.Response | None) -> float | None:
    """How long to wait before the next try; None: there is none.

    What never reached the server, or was refused before it was done, may be sent again; what may have been done is sent
    again only where that does not do it twice.
    """
    if attempt + 1 >= TRIES or (response is not None and response.status_code not in _AGAIN):
        return None
    if (response is None or response.status_code == 502) and not call.repeatable:
        return None
    said = response.headers.get("retry-after", "") if response is not None else ""
    if said.isdecimal():
        return min(float(said), _LONGEST_S)
    return min(0.25 * 2**attempt * (0.5 + random.random()), _LONGEST_S)  # noqa: S311 - spreads tries, hides nothing


def answer(call: Call[Any], response: httpx.Response) -> Any:
    """What was asked for.

    Raises:
        PequerokuError: it was refused.
    """
    if response.status_code == 204:
        return call.read(None)
    try:
        said = response.json()
    except ValueError:
        said = {}
    if response.is_success:
        return call.read(said)
    error = said.get("error", {}) if isinstance(said, dict) else {}
    words = error.get("message") or f"HTTP {response.status_code}"
    raise PequerokuError(words, error.get("code", ""), response.status_code, said if isinstance(said, dict) else {})


def unreachable(fault: Exception) -> Unreachable:
    """Where nothing came back."""
    return Unreachable(f"The server can't be reached: {fault or type(fault).__name__}")
