"""The way into a guest, and what a guest that means ill can do to it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncssh
import pytest

from backend.errors import GuestSilent, Unavailable, WrongGuest
from backend.guest import channel, transport
from backend.guest.channel import GuestAddress, connect
from backend.guest.keys import make_key_pair, open_private_key
from backend.guest.readiness import await_ready
from backend.guest.shell import Guests
from backend.sealing import seal, unseal
from tests.stores import eventually

MIB = 1024 * 1024
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
OUR_KEY = asyncssh.generate_private_key("ssh-ed25519")
OUR_PEM = OUR_KEY.export_private_key().decode()
BOOT_ID = "73dfeca4-c57a-44d9-8d48-f6a464612f7b"
LINE = f"ready {HOST_KEY.export_public_key().decode().strip()} {BOOT_ID}\n".encode()

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class LoopbackStream:
    """A ByteStream to a peer of the test's own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.taken = 0
        self.deaf = False

    async def read(self) -> bytes:
        with suppress(OSError):
            data = await self._reader.read(MIB)
            self.taken += len(data)
            return data
        return b""

    async def write(self, data: bytes) -> None:
        if self.deaf:
            await asyncio.Event().wait()
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as fault:
            raise Unavailable(str(fault)) from fault

    def close(self) -> None:
        self._writer.close()

    async def gone(self) -> None:
        self._writer.transport.abort()
        with suppress(OSError):
            await self._writer.wait_closed()


class OneGuest:
    """As much of a Hypervisor as has guests to talk to."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.streams: list[LoopbackStream] = []

    async def open_channel(self, name: str, channel: str) -> LoopbackStream:
        self.streams.append(LoopbackStream(*await asyncio.open_connection("127.0.0.1", self._port)))
        return self.streams[-1]

    async def leave(self) -> None:
        for stream in self.streams:
            await stream.gone()


@asynccontextmanager
async def a_guest(peer: Peer) -> AsyncGenerator[OneGuest]:
    """A guest whose every port is answered by `peer`."""

    answers = set[asyncio.Task[None]]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await peer(reader, writer)
        writer.transport.abort()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers.add(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    guest = OneGuest(server.sockets[0].getsockname()[1])
    try:
        yield guest
    finally:
        server.close()
        await guest.leave()
        await asyncio.gather(*answers)


class Sshd(asyncssh.SSHServer):
    """A guest's sshd; remembers its connections."""

    connections: list[asyncssh.SSHServerConnection]

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        Sshd.connections.append(conn)


async def run_it(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """What the guest does with a command."""
    words = (process.command or "").rpartition("\n")[2].split()  # before that it tells its process id
    if words[0] == "print":
        process.stdout.write(b"x" * int(words[1]))
        process.stderr.write(b"complaint")
    elif words[0] == "hang":
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    process.exit(int(words[-1]))


@asynccontextmanager
async def an_sshd() -> AsyncGenerator[OneGuest]:
    Sshd.connections = []
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Sshd, server_host_keys=[HOST_KEY], process_factory=run_it, encoding=None,
        authorized_client_keys=asyncssh.import_authorized_keys(OUR_KEY.export_public_key().decode()),
    )  # fmt: skip
    guest = OneGuest(server.get_port())
    try:
        yield guest
    finally:
        server.close()
        for connection in Sshd.connections:
            connection.abort()
        await guest.leave()
        await server.wait_closed()


def at(guest: OneGuest, *, host_key: asyncssh.SSHKey = HOST_KEY) -> GuestAddress:
    return GuestAddress(guest, "pqk-test", OUR_PEM, host_key.export_public_key().decode())  # type: ignore[arg-type]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Don't wait as long as for a real guest."""
    monkeypatch.setattr(channel, "_GREETING_WAITS_S", (0.2, 0.2, 0.2))
    monkeypatch.setattr(channel, "_BETWEEN_S", 0.01)


# --- keys ---------------------------------------------------------------------------------------------------------


def test_a_pair_is_an_ed25519_line_and_its_sealed_private_half() -> None:
    pair = make_key_pair()
    private = asyncssh.import_private_key(open_private_key(pair.private_sealed))
    assert private.export_public_key().decode().split()[:2] == pair.public.split()
    assert pair.public.startswith("ssh-ed25519 AAAA")


def test_what_is_sealed_opens_for_its_own_purpose_alone() -> None:
    sealed = seal("secret", purpose="a")
    assert unseal(sealed, purpose="a") == "secret"
    assert "secret" not in sealed
    with pytest.raises(Unavailable):
        unseal(sealed, purpose="b")


@pytest.mark.parametrize("spoiled", ["", "v1:", "v1:AAAA", "v1:&&&", "nonsense"])
def test_a_spoiled_seal_is_refused(spoiled: str) -> None:
    with pytest.raises(Unavailable):
        open_private_key(spoiled)


# --- readiness ----------------------------------------------------------------------------------------------------


async def test_a_guest_is_heard_through_noise_before_its_answer() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"ready nonsense\n" + LINE[:30])
        await writer.drain()
        writer.write(LINE[30:])
        await reader.read()

    async with a_guest(peer) as guest:
        heard = await await_ready(guest, "pqk-test", 5)  # type: ignore[arg-type]
        assert (heard.host_key, heard.boot_id) == (HOST_KEY.export_public_key().decode().strip(), BOOT_ID)


async def _silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _torrent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"ready " * 10_000)
        await writer.drain()


async def test_a_silent_guest_is_given_up_in_time() -> None:
    async with a_guest(_silence) as guest:
        with pytest.raises(GuestSilent):
            await await_ready(guest, "pqk-test", 0.1)  # type: ignore[arg-type]


async def test_a_guest_that_talks_without_end_is_given_up_early() -> None:
    async with a_guest(_torrent) as guest:
        with pytest.raises(GuestSilent):
            await await_ready(guest, "pqk-test", 60)  # type: ignore[arg-type]
        assert guest.streams[0].taken < 4 * MIB


# --- the connection -----------------------------------------------------------------------------------------------


async def test_commands_give_their_output_and_exit_code() -> None:
    async with an_sshd() as guest:
        guests = Guests()
        done = await guests.run(at(guest), "print 1000 7")
        assert (done.stdout, done.stderr, done.exit_code) == (b"x" * 1000, b"complaint", 7)
        cut = await guests.run(at(guest), "print 3000000 0", limit_bytes=500)
        assert (cut.stdout, cut.truncated, cut.exit_code) == (b"x" * 500, True, 0)
        late = await guests.run(at(guest), "hang 0", timeout_s=0.1)
        assert late.timed_out
        assert len(guest.streams) == 1
        await guests.close_all()


async def test_a_lost_connection_is_made_anew_for_the_next_command() -> None:
    async with an_sshd() as guest:
        guests = Guests()
        await guests.run(at(guest), "print 1 0")
        Sshd.connections[0].abort()
        assert (await guests.run(at(guest), "print 5 0")).stdout == b"xxxxx"
        await guests.close_all()


async def test_many_who_ask_at_once_share_one_connection() -> None:
    async with an_sshd() as guest:
        guests = Guests()
        await asyncio.gather(*(guests.run(at(guest), "print 10 0") for _ in range(10)))
        assert len(guest.streams) == 1
        await guests.close_all()


async def test_another_host_key_is_refused_without_a_second_try() -> None:
    async with an_sshd() as guest:
        with pytest.raises(WrongGuest):
            await connect(at(guest, host_key=asyncssh.generate_private_key("ssh-ed25519")))
        assert len(guest.streams) == 1


@pytest.mark.usefixtures("hasty")
async def test_what_an_earlier_connection_left_is_skipped_and_a_missing_greeting_tried_again() -> None:
    async with an_sshd() as sshd:
        tries = 0

        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal tries
            tries += 1
            if tries == 1:
                await reader.read()
                return
            writer.write(bytes(range(256)) * 40)
            stream = await sshd.open_channel("", "")
            onward = asyncio.create_task(_carry(reader, stream))
            while data := await stream.read():
                writer.write(data)
            onward.cancel()

        async with a_guest(peer) as guest:
            link = await connect(at(guest))
            assert tries == 2
            await link.close()


async def _carry(reader: asyncio.StreamReader, stream: LoopbackStream) -> None:
    while data := await reader.read(MIB):
        await stream.write(data)


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-x\r\n" + b"\xff" * 100_000)
    await reader.read()


async def _giant_packet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-x\r\n" + (2**31).to_bytes(4, "big"))
    await _torrent(reader, writer)


async def _endless_version(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-")
    await _torrent(reader, writer)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("peer", [_silence, _torrent, _garbage, _giant_packet, _endless_version])
async def test_what_does_not_speak_ssh_is_given_up_and_little_of_it_read(peer: Peer) -> None:
    async with a_guest(peer) as guest:
        with pytest.raises(Unavailable):
            await connect(at(guest))
        assert max(stream.taken for stream in guest.streams) < 8 * MIB


async def test_a_guest_that_floods_and_reads_nothing_is_not_read_any_further() -> None:
    async with an_sshd() as guest:
        link = await connect(at(guest))
        guest.streams[0].deaf = True
        _ask_for_replies(Sshd.connections[0], 60_000)
        await eventually("us to stop", lambda: not link.transport._has_room.is_set() or link.transport.is_closing())
        assert link.transport.get_write_buffer_size() < 2 * MIB
        await link.close()


async def test_a_key_exchange_that_never_ends_can_not_pile_up_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_MAX_BACKLOG", 5_000)
    async with an_sshd() as guest:
        link = await connect(at(guest))
        server = Sshd.connections[0]
        guest.streams[0].deaf = True
        server._send_kexinit()
        server._kex_complete = True
        _ask_for_replies(server, 60_000)
        await eventually("the cut", lambda: link.ssh.is_closed())
        assert len(link.ssh._deferred_packets) < 20_000
        await link.close()


async def test_channels_opened_by_a_guest_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with an_sshd() as guest:
        link = await connect(at(guest))
        server = Sshd.connections[0]
        monkeypatch.setitem(type(server)._packet_handlers, 92, lambda *_: True)  # else it minds our refusals itself
        for kind in ("session", "x11", "auth-agent@openssh.com", "forwarded-tcpip", "tun@openssh.com", "odd"):
            for number in range(500):
                asked = b"".join(value.to_bytes(4, "big") for value in (number, MIB, 32768))
                where = (b"\0\0\0\4host" + bytes(4)) * {"forwarded-tcpip": 2, "x11": 1}.get(kind, 0)
                server.send_packet(90, len(kind).to_bytes(4, "big") + kind.encode() + asked + where)
        assert (await link.ssh.run("print 3 0", encoding=None)).stdout == b"xxx"
        assert len(link.ssh._channels) == 0
        await link.close()


def _ask_for_replies(server: asyncssh.SSHServerConnection, count: int) -> None:
    name = b"please-answer@example"
    for _ in range(count):
        server.send_packet(80, len(name).to_bytes(4, "big") + name + b"\x01")
