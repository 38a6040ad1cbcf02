"""How long to make guessers wait."""

from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

FREE_FAILURES = 5
FORGET_AFTER = timedelta(hours=1)


def wait_s(failures: int, last_failure_at: datetime, *, at: datetime) -> int:
    """Seconds until the next attempt is looked at; 0 when it may come now.

    The first five failures cost nothing, then 2, 4, 8 … seconds, an hour at most; an hour of quiet forgets all.
    """
    if failures < FREE_FAILURES or at - last_failure_at >= FORGET_AFTER:
        return 0
    cost = timedelta(seconds=min(3600, 2 ** min(failures - FREE_FAILURES + 1, 12)))
    return max(0, -int((at - last_failure_at - cost).total_seconds() // 1))


def source_of(ip: str) -> str:
    """What counts as one guesser: an IPv4 address, or the /64 that an IPv6 user has to himself."""
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return ip[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))
