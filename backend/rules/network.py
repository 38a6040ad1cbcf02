"""Addresses of guests, and what they may never reach."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses, ip_network

PRIVATE_RANGES = tuple(
    IPv4Network(cidr)
    for cidr in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, overlay networks
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.168.0.0/16",  # private
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
"""Source: IANA IPv4 Special-Purpose Address Registry. The documentation and benchmark ranges are left
reachable: nothing of value can stand there, and the tests use them as the internet."""


@dataclass(frozen=True, slots=True)
class GuestNetwork:
    """One guest's place on its node's bridge."""

    address: IPv4Address
    network: IPv4Network
    gateway: IPv4Address
    dns: tuple[str, ...]
    mac: str


def guest_network(container_id: int, network: IPv4Network, dns: Iterable[str]) -> GuestNetwork:
    """The address of a container: fixed by its id, so that nothing has to be handed out or taken back.

    The first usable address is the gateway's. Ids that are a whole network's size apart share an address; the
    ports of guests are isolated from each other, so that such a pair loses replies but nobody sees another's.
    """
    usable = network.num_addresses - 3  # network, gateway, broadcast
    address = network.network_address + 2 + container_id % usable
    octets = address.packed
    mac = "52:54:" + ":".join(f"{octet:02x}" for octet in octets)
    return GuestNetwork(address, network, network.network_address + 1, tuple(dns), mac)


def blocked_ranges(own: Iterable[str]) -> list[IPv4Network]:
    """Everything a guest must not reach: the private ranges and the node's own addresses, without overlaps."""
    ranges = [*PRIVATE_RANGES]
    for cidr in own:
        each = ip_network(cidr, strict=False)
        if isinstance(each, IPv4Network):
            ranges.append(each)
    return list(collapse_addresses(ranges))
