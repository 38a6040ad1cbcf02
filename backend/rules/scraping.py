"""Who may read the figures for Prometheus. Pure."""

import hmac
from collections.abc import Mapping
from ipaddress import ip_address

_PROXIED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
_HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})


def may_scrape(token: str, *, headers: Mapping[str, str], peer: str, behind_proxy: bool) -> bool:
    """With a token: whoever sends it. Without one: this machine itself, and nobody whom a proxy speaks for.

    Args:
        headers: of the request, their names in lower case.
        peer: the address it comes from.
        behind_proxy: the settings say that one stands in front: then everybody comes from its address.
    """
    if token:
        return hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {token}".encode())
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    is_proxied = behind_proxy or any(name in headers for name in _PROXIED)
    return not is_proxied and host in _HERE and _is_loopback(peer)


def _is_loopback(peer: str) -> bool:
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False
