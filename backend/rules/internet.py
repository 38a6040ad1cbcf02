"""Which addresses are the internet's. Pure."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from backend.rules.network import PRIVATE_RANGES

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


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


def _is_public_v4(ip: IPv4Address) -> bool:
    return ip.is_global and not any(ip in each for each in PRIVATE_RANGES)


def _inside(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to."""
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
