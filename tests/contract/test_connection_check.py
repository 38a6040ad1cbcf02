"""A URI that is tried: what is there, or what stands in the way, as something one can act on."""

import socket
import time
from pathlib import Path

import pytest

from backend.hypervisor.connection_check import examine, explain
from tests.machines import PrivateNode
from tests.stores import free_port

_LONG = "x" * 70  # too long for any resolver to be asked


async def test_nobody_listens() -> None:
    found = await examine(f"qemu+tcp://127.0.0.1:{free_port()}/system", "127.0.0.1", arch="")
    assert "refuses the connection" in found.trouble


async def test_no_such_socket(tmp_path: Path) -> None:
    found = await examine(f"qemu+unix:///system?socket={tmp_path}/none", "this machine", arch="")
    assert "No libvirtd listens there" in found.trouble


async def test_a_name_that_does_not_resolve() -> None:
    found = await examine(f"qemu+ssh://{_LONG}/system", _LONG, arch="")
    assert "does not resolve" in found.trouble


async def test_tls_without_certificates() -> None:
    found = await examine("qemu+tls://127.0.0.1:1/system?pkipath=/nowhere", "127.0.0.1", arch="")
    assert "TLS" in found.trouble


async def test_one_that_is_silent_is_given_up_and_holds_up_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"qemu+tcp://127.0.0.1:{silent.getsockname()[1]}/system"
        began = time.monotonic()
        found = await examine(uri, "127.0.0.1", arch="", deadline_s=1.0)
        assert "did not answer within 1 s" in found.trouble
        assert "did not answer" in (await examine(uri, "127.0.0.1", arch="", deadline_s=1.0)).trouble
        assert not (await examine("test:///default", "mock", arch="")).trouble
        assert time.monotonic() - began < 4


@pytest.mark.vm
async def test_a_node_that_runs_no_guest_of_ours_is_told(libvirtd: PrivateNode) -> None:
    good = await examine(libvirtd.uri, "this machine", arch="x86_64")
    assert (good.trouble, good.arch) == ("", "x86_64")
    assert good.host_id
    wrong = await examine(libvirtd.uri, "this machine", arch="s390x")
    assert "built for s390x" in wrong.trouble


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Cannot recv data: Host key verification failed.: Connection reset by peer", "has changed"),
        ("Cannot recv data: root@h: Permission denied (publickey).: Connection reset by peer", "authorized_keys"),
        ("Failed to connect socket to '/run/x': Permission denied", "join the group"),
        ("Cannot read CA certificate '/etc/pki/CA/cacert.pem': No such file or directory", "missing on our side"),
        ("unable to connect to server at 'h:16514': Connection timed out", "can't be reached"),
        ("Cannot recv data: sh: 1: nc: not found: Connection reset by peer", "install libvirt there"),
        ("Certificate [session] owner does not match the hostname h", "do not trust each other"),
        ("something entirely new", "something entirely new"),
    ],
)
def test_libvirts_words_become_what_to_do(words: str, told: str) -> None:
    assert told in explain(words, "h")
