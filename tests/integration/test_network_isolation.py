"""What a guest can reach: the internet, and nothing else. Shown from inside a real guest, as its root.

Everything happens in network namespaces without a way out:

    guest, other ─ bridge ─ [node] ─ 198.51.100.0/24 ─ [internet] 203.0.113.10
                               └──── 192.168.50.0/24 ─ [lan] 10.20.0.1, 100.64.0.1, 169.254.169.254
"""

import json
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Network
from uuid import uuid4

import asyncssh
import pytest

from backend.guest.channel import GuestAddress, Link, connect
from backend.guest.readiness import await_ready
from backend.hypervisor.driver import Acceleration, DomainSpec, Preparation
from backend.hypervisor.libvirt_driver import LibvirtNode
from backend.rules.network import GuestNetwork, blocked_ranges, guest_network
from tests.machines import PrivateNode, built_image, inside, ip, namespace, private_node

pytestmark = pytest.mark.vm

GUESTS = IPv4Network("10.213.0.0/16")
INTERNET = "203.0.113.10"
NODE_UPLINK, NODE_LAN = "198.51.100.2", "192.168.50.2"
PORT = 8080
BEHIND_THE_NODE = ["192.168.50.1", "10.20.0.1", "100.64.0.1", "169.254.169.254"]
OF_THE_NODE = ["10.213.0.1", NODE_UPLINK, NODE_LAN]

SERVE = f"""
import socket, threading
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("0.0.0.0", {PORT}))
udp.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO: so that it answers from the address that was asked
tcp = socket.create_server(("0.0.0.0", {PORT}))
def answer():
    while True:
        data, extra, flags, sender = udp.recvmsg(100, 100)
        asked = bytes(4) + extra[0][2][8:12] + bytes(4)
        udp.sendmsg([b"hello"], [(socket.IPPROTO_IP, 8, asked)], 0, sender)
threading.Thread(target=answer, daemon=True).start()
print("up", flush=True)
while True:
    peer, _ = tcp.accept()
    peer.sendall(b"hello")
    peer.close()
"""

PROBE = f"""
import json, socket, subprocess, sys, threading
def tcp(there, here):
    with socket.create_connection((there, {PORT}), timeout=5, source_address=(here, 0)) as s:
        return s.recv(5) == b"hello"
def udp(there, here):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.bind((here, 0))
        for attempt in range(3):
            s.sendto(b"?", (there, {PORT}))
            try: return s.recv(5) == b"hello"
            except TimeoutError: pass
        return False
def ping(there, here):
    by = ["-I", here] if here else []
    return subprocess.run(["ping", "-n", "-c2", "-W2", *by, there], capture_output=True).returncode == 0
found = {{}}
def look(kind, there, here):
    try: found[f"{{kind}} {{there}}"] = globals()[kind](there, here)
    except OSError: found[f"{{kind}} {{there}}"] = False
here, *targets = sys.argv[1:]
here = "" if here == "-" else here
threads = [threading.Thread(target=look, args=(k, t, here)) for t in targets for k in ("tcp", "udp", "ping")]
[t.start() for t in threads]; [t.join() for t in threads]
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Guest:
    """A booted guest that we are logged in to."""

    link: Link
    place: GuestNetwork

    async def run(self, command: str) -> str:
        done = await self.link.ssh.run(command, check=True, stdin=asyncssh.DEVNULL, timeout=60)
        return str(done.stdout)

    async def reach(self, *targets: str, source: str = "-") -> dict[str, bool]:
        """Try TCP, UDP and ping to each address."""
        return json.loads(await self.run(f"python3 -c '{PROBE}' {source} {' '.join(targets)}"))


@pytest.fixture(scope="module")
def world() -> Generator[PrivateNode]:
    """The namespaces, their servers, and a libvirtd on the node."""
    with ExitStack() as stack:
        node, internet, lan = (stack.enter_context(namespace(label)) for label in ("node", "net", "lan"))
        _wire(node, internet, f"{NODE_UPLINK}/24", "198.51.100.1/24")
        ip("addr", "add", f"{INTERNET}/32", "dev", "lo", netns=internet)
        ip("route", "add", "default", "via", "198.51.100.1", netns=node)
        _wire(node, lan, f"{NODE_LAN}/24", "192.168.50.1/24")
        for address in BEHIND_THE_NODE[1:]:
            ip("addr", "add", f"{address}/32", "dev", "lo", netns=lan)
            ip("route", "add", address, "via", "192.168.50.1", netns=node)
        ip("route", "add", "default", "via", NODE_LAN, netns=lan)
        for name in (node, internet, lan):
            stack.enter_context(_server(name))
        yield stack.enter_context(private_node(node))


@pytest.fixture(scope="module")
async def guests(world: PrivateNode) -> AsyncGenerator[tuple[Guest, Guest]]:
    """Two guests on the network, started one after the other."""
    node = LibvirtNode(world.uri)
    blocked = blocked_ranges([str(GUESTS), f"{NODE_UPLINK}/32", f"{NODE_LAN}/32"])
    wanted = Preparation(built_image(), Acceleration.TCG, str(GUESTS), tuple(str(cidr) for cidr in blocked))
    await node.prepare(wanted)
    booted = [await _boot(node, number) for number in (1, 2)]
    yield booted[0], booted[1]
    for guest in booted:
        await guest.link.close()
    for name in (await node.survey()).machines:
        await node.power_off(name)
    await node.close()


async def test_the_internet_is_reached(guests: tuple[Guest, Guest]) -> None:
    assert await guests[0].reach(INTERNET) == {f"{kind} {INTERNET}": True for kind in ("tcp", "udp", "ping")}


async def test_nothing_behind_the_node_nor_the_node_itself_is_reached(
    guests: tuple[Guest, Guest], world: PrivateNode
) -> None:
    targets = [*BEHIND_THE_NODE, *OF_THE_NODE]
    from_the_node = _reach_from(world.netns, *targets, "127.0.0.1")
    assert all(from_the_node.values()), f"they do answer whoever is let through: {from_the_node}"
    from_inside = await guests[0].reach(*targets)
    assert from_inside == dict.fromkeys(from_inside, False)


async def test_the_loopback_of_the_node_is_not_reached_by_routing_to_it(guests: tuple[Guest, Guest]) -> None:
    guest = guests[0]
    await guest.run("ip route add 127.0.0.53/32 via 10.213.0.1; echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet")
    assert not any((await guest.reach("127.0.0.53", source=str(guest.place.address))).values())


async def test_another_guest_is_not_reached(guests: tuple[Guest, Guest]) -> None:
    first, other = guests
    await other.run(f"setsid python3 -c '{SERVE}' > /run/serve 2>&1 & until grep -q up /run/serve; do sleep 0.1; done")
    address = str(other.place.address)
    assert all((await other.reach(address)).values()), "it does answer itself"
    assert not any((await first.reach(address)).values())
    await first.run(f"ip neigh replace {address} lladdr {other.place.mac} dev eth0")
    assert not any((await first.reach(address)).values()), "nor with its hardware address known"


async def test_an_address_that_is_not_its_own_gets_nowhere(guests: tuple[Guest, Guest]) -> None:
    guest = guests[0]
    for forged in ("10.213.0.77", str(guests[1].place.address), "198.51.100.77"):
        await guest.run(f"ip addr add {forged}/32 dev eth0")
        reached = await guest.reach(INTERNET, source=forged)
        await guest.run(f"ip addr del {forged}/32 dev eth0")
        assert not any(reached.values()), forged
    assert all((await guest.reach(INTERNET)).values())


async def test_a_hardware_address_that_is_not_its_own_gets_nowhere(guests: tuple[Guest, Guest]) -> None:
    guest = guests[0]
    gateway = guest.place.gateway
    change = "ip link set eth0 down; ip link set eth0 address {mac}; ip link set eth0 up"
    await guest.run(f"{change.format(mac='52:54:00:00:00:01')}; ip route replace default via {gateway} dev eth0")
    reached = await guest.reach(INTERNET)
    await guest.run(f"{change.format(mac=guest.place.mac)}; ip route replace default via {gateway} dev eth0")
    assert not any(reached.values())
    assert all((await guest.reach(INTERNET)).values())


async def test_ipv6_is_dropped(guests: tuple[Guest, Guest], world: PrivateNode) -> None:
    first, other = guests
    _in(world.netns, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/pqk0/disable_ipv6")
    ip("addr", "add", "fe80::99/64", "dev", "pqk0", "nodad", netns=world.netns)
    assert "fe80::99" in _in(world.netns, "ip", "-6", "addr", "show", "dev", "pqk0").stdout
    for guest, address in ((first, "fe80::5"), (other, "fe80::6")):
        await guest.run(f"ip link set eth0 up; ip addr add {address}/64 dev eth0 nodad")
        assert "1 received" in await guest.run(f"ping -6 -n -c1 -W2 {address}%eth0")
    for target in ("fe80::99", "fe80::6", "ff02::1"):
        answer = await first.run(f"ping -6 -n -c2 -W2 -I fe80::5%eth0 {target}%eth0; true")
        others = [line for line in answer.splitlines() if "bytes from" in line and "from fe80::5%" not in line]
        assert not others, f"{target}: {answer}"


async def test_a_filter_that_changes_holds_for_guests_that_run(guests: tuple[Guest, Guest], world: PrivateNode) -> None:
    node = LibvirtNode(world.uri)
    own = [str(GUESTS), f"{NODE_UPLINK}/32", f"{NODE_LAN}/32"]

    async def block(*more: str) -> None:
        blocked = tuple(str(cidr) for cidr in blocked_ranges([*own, *more]))
        await node.prepare(Preparation(built_image(), Acceleration.TCG, str(GUESTS), blocked))

    await block(f"{INTERNET}/32")
    assert not any((await guests[0].reach(INTERNET)).values())
    await block()
    assert all((await guests[0].reach(INTERNET)).values())
    await node.close()


async def _boot(node: LibvirtNode, number: int) -> Guest:
    key = asyncssh.generate_private_key("ssh-ed25519")
    place = guest_network(number, GUESTS, ["203.0.113.53"])
    public = key.export_public_key().decode().strip()
    spec = DomainSpec(uuid4(), f"guest-{number}", 256, 1, public, place)
    await node.make_disk(spec.name, 4)
    await node.boot(spec)
    announced = await await_ready(node, spec.name, 90)
    address = GuestAddress(node, spec.name, key.export_private_key().decode(), announced.host_key)
    return Guest(await connect(address), place)


def _wire(here: str, there: str, here_address: str, there_address: str) -> None:
    """A cable between two namespaces."""
    ends = (f"to-{there}"[-15:], f"to-{here}"[-15:])
    ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", there, netns=here)
    for name, end, address in ((here, ends[0], here_address), (there, ends[1], there_address)):
        ip("addr", "add", address, "dev", end, netns=name)
        ip("link", "set", end, "up", netns=name)


class _server:  # noqa: N801 - used as a function
    """Something that answers on every address of a namespace."""

    def __init__(self, netns: str) -> None:
        self._command = [*inside(netns), "python3", "-c", SERVE]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"up\n"

    def __exit__(self, *failure: object) -> None:
        self._process.kill()
        self._process.communicate()


def _reach_from(netns: str, *targets: str) -> dict[str, bool]:
    """By TCP and UDP: the machine that runs the tests may have no `ping`."""
    found = json.loads(_in(netns, "python3", "-c", PROBE, "-", *targets).stdout)
    return {what: reached for what, reached in found.items() if not what.startswith("ping")}


def _in(netns: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*inside(netns), *command], capture_output=True, text=True, check=False)
