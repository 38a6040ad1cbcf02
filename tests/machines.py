"""Real nodes for tests: private libvirtds in network namespaces of their own, cleaned up whatever happens."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import libvirt
import pytest

from backend.hypervisor import local_libvirtd
from backend.hypervisor.driver import GuestImage
from backend.hypervisor.images import load_image

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class PrivateNode:
    """A libvirtd of a test's own."""

    folder: Path
    netns: str

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self.folder}/run/libvirt-sock"

    @property
    def pid(self) -> int:
        return int((self.folder / "libvirtd.pid").read_text())

    @property
    def pool(self) -> Path:
        """Where its disks are."""
        return self.folder / "lib" / "images" / "pequeroku"

    def start(self) -> None:
        local_libvirtd.start(self.folder, netns=self.netns)

    def sweep(self) -> None:
        """End its machines and delete their disks."""
        self.start()  # it may have been killed
        connection = libvirt.open(self.uri)
        try:
            for domain in connection.listAllDomains():
                if domain.isActive():
                    domain.destroy()
                domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
            for disk in self.pool.glob("pqk-*"):
                disk.unlink()
        finally:
            connection.close()


def inside(netns: str) -> list[str]:
    """What a command begins with to run in a network namespace. `ip netns exec` would mount, which a chroot may not."""
    return ["nsenter", f"--net=/run/netns/{netns}"] if netns else []


def ip(*words: str, netns: str = "") -> None:
    """Run `ip`, and raise with its own words when it fails."""
    done = subprocess.run([*inside(netns), "ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


@contextmanager
def namespace(label: str = "") -> Generator[str]:
    """A network namespace with nothing in it but its own loopback: what happens there stays there."""
    name = f"pqk{os.getpid()}-{next(_numbers)}{label}"
    ip("netns", "add", name)
    try:
        ip("link", "set", "lo", "up", netns=name)
        yield name
    finally:
        ip("netns", "delete", name)


@contextmanager
def private_node(netns: str = "") -> Generator[PrivateNode]:
    """A node whose machines end with the test. Without a namespace given it has one of its own."""
    if not netns:
        with namespace() as own, private_node(own) as node:
            yield node
        return
    node = PrivateNode(Path(tempfile.mkdtemp(prefix="pequeroku-")), netns)
    try:
        node.start()
        yield node
    finally:
        local_libvirtd.stop(node.folder, with_machines=True)
        shutil.rmtree(node.folder)


def told_of(uri: str, domain: str) -> str:
    """What libvirt and QEMU say of a machine, for the message of a test that waited for it in vain.

    The registers come twice: a processor that still runs has gone on meanwhile.
    """
    state, monitor = ["domstate", "--reason", domain], ["qemu-monitor-command", "--hmp", domain]
    asked = (state, [*monitor, "info chardev"], [*monitor, "info registers"], [*monitor, "info registers"])
    said = [
        subprocess.run(["virsh", "-c", uri, *each], capture_output=True, text=True, check=False, timeout=20)
        for each in asked
    ]
    return "\n".join(each.stdout + each.stderr for each in said)


def built_image() -> GuestImage:
    """The newest guest image that was built on this machine; skips the test when there is none."""
    given = os.environ.get("IMAGE_DIR")
    places = [Path(given)] if given else [Path("var/image"), *Path.home().glob(".cache/pequeroku/image/*")]
    manifests = [place / "manifest.json" for place in places if (place / "manifest.json").exists()]
    if not manifests:
        pytest.skip("no guest image has been built: `make image`")
    return load_image(max(manifests, key=lambda path: path.stat().st_mtime).parent)
