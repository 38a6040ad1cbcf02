"""What both clients know of HTTP: addresses, headers, errors, and when to try again."""

import os
import random
import re
from typing import Any

import httpx

from pequeroku.calls import Call
from pequeroku.errors import PequerokuError, Unreachable
from pequeroku.version import __version__

TRIES = 4
_AGAIN = frozenset({429, 502, 503})
_LONGEST_S = 20.0
_KEY = re.compile(r"pk_[!-~]+")


def where(url: str, key: str) -> tuple[str, dict[str, str]]:
    """The server's address and the headers, from what was given or from PEQUEROKU_URL and PEQUEROKU_KEY.

    Raises:
        PequerokuError: one of them is missing, or can't be one.
    """
    url, key = url or os.environ.get("PEQUEROKU_URL", ""), key or os.environ.get("PEQUEROKU_KEY", "")
    if not url or not key:
        raise PequerokuError("Give url and key, or set PEQUEROKU_URL and PEQUEROKU_KEY.", "unauthorized")
    try:
        is_address = bool(re.fullmatch(r"https?://\S+", url) and httpx.URL(url).host)
    except httpx.InvalidURL:
        is_address = False
    if not is_address:
        raise PequerokuError(f"“{url}” is no address of a server, such as https://pequeroku.example.")
    if not _KEY.fullmatch(key):
        raise PequerokuError(
            "That is no API key. One begins with pk_, and is shown once, when it is made.", "unauthorized"
        )
    return url.rstrip("/"), {"Authorization": f"Bearer {key}", "User-Agent": f"pequeroku-python/{__version__}"}


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
        PequerokuError: it was refused, or what answered is no server of ours.
    """
    said: Any = None
    if response.status_code != 204:
        try:
            said = response.json()
        except ValueError:
            raise _stranger(response) from None
    if response.is_success:
        try:
            return call.read(said)
        except (KeyError, TypeError, AttributeError):
            raise _stranger(response) from None
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict) or not error.get("message"):
        raise _stranger(response)
    raise PequerokuError(error["message"], error.get("code", ""), response.status_code, said)


def unreachable(fault: httpx.TransportError) -> Unreachable:
    """Where nothing came back."""
    place = fault.request.url.netloc.decode()
    return Unreachable(f"{place} can't be reached: {fault or type(fault).__name__}")


def _stranger(response: httpx.Response) -> PequerokuError:
    """Something else than Pequeroku answered, or something before it."""
    place, status = response.request.url.netloc.decode(), response.status_code
    if response.is_redirect:
        return PequerokuError(
            f"{place} sends one on to {response.headers.get('location')}: use that address.", "", status
        )
    if status >= 500:
        return PequerokuError(
            f"{place} is in trouble, or what stands before it (HTTP {status}). Try again later.", "", status
        )
    return PequerokuError(
        f"{place} does not answer as Pequeroku does (HTTP {status}). Is the address right?", "", status
    )
