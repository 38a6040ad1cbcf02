"""Webhooks: how their addresses look, how a message is signed, when it is tried again. Pure."""

import base64
import hmac
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from backend.errors import Invalid

_LONGEST_URL = 500
_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=8),
    timedelta(hours=8),
)
MOST_TRIES = len(_WAITS) + 1
"""Over about a day."""
SECRET_BYTES = 24
_SECRET_MARK = "whsec_"  # noqa: S105 - what secrets begin with


def check_url(raw: str) -> str:
    """Normalise an address that a person typed. Where its name leads is seen when it is used.

    Raises:
        Invalid: it is none that can be told, with why.
    """
    url = raw.strip()
    if len(url) > _LONGEST_URL or not url.isprintable() or " " in url or "\\" in url:
        raise _wrong(f"An address has at most {_LONGEST_URL} characters, and no blanks.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise _wrong("That is no address. One looks like https://example.com/hook.") from fault
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise _wrong("The address must begin with https:// or http:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise _wrong("Leave the name and password out of the address: the signature shows that it is us.")
    if parts.fragment:
        raise _wrong("Leave out what follows the #: it is never sent.")
    return url


def sign(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """The header `webhook-signature`.

    Source: Standard Webhooks 1.0.0 (symmetric signatures): HMAC-SHA256 over `id.timestamp.body`.
    """
    key = base64.b64decode(secret.removeprefix(_SECRET_MARK))
    mac = hmac.new(key, f"{message_id}.{at_s}.".encode() + body, sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def as_secret(raw: bytes) -> str:
    """Random bytes as people copy them."""
    return _SECRET_MARK + base64.b64encode(raw).decode()


def wait_after(tries: int) -> timedelta | None:
    """How long after the n-th try (from 1) that failed the next one is; None: it was the last."""
    return _WAITS[tries - 1] if tries <= len(_WAITS) else None


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, field="url")
