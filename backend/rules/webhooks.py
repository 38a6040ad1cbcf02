"""Webhooks: which addresses may be told, how a message is signed, when it is tried again. Pure."""

import base64
import hmac
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from backend.errors import Invalid
from backend.rules.network import PRIVATE_RANGES

_LONGEST_URL = 500
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
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


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's, and neither ours, nor a neighbour's, nor one in disguise.

    Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        inner = _inside(ip)
        return ip in _GLOBAL_UNICAST and ip.is_global if inner is None else _is_public_v4(inner)
    return _is_public_v4(ip)


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


def _is_public_v4(ip: IPv4Address) -> bool:
    return ip.is_global and not any(ip in each for each in PRIVATE_RANGES)


def _inside(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to."""
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, field="url")
