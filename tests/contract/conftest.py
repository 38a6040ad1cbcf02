"""The nodes that the contract is proved on."""

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from backend.errors import Unavailable
from backend.hypervisor.driver import Acceleration, DomainSpec, GuestImage, Hypervisor, Preparation
from backend.hypervisor.libvirt_driver import LibvirtNode
from backend.hypervisor.memory import MemoryNode
from tests.machines import PrivateNode, built_image, private_node

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBv0 tests"


@pytest.fixture(scope="session")
def image() -> GuestImage:
    return built_image()


@pytest.fixture(scope="session")
def empty_image(tmp_path_factory: pytest.TempPathFactory) -> GuestImage:
    """An image that no machine boots from."""
    folder = tmp_path_factory.mktemp("image")
    for name in ("base", "kernel", "initrd"):
        (folder / name).write_bytes(b"nothing")
    return GuestImage("empty", folder / "base", folder / "kernel", folder / "initrd", "quiet")


@pytest.fixture(scope="session")
def libvirtd() -> Generator[PrivateNode]:
    """A libvirtd with real QEMU, for all tests that leave it as it is."""
    if os.geteuid() != 0:
        pytest.skip("a private libvirtd needs root")
    with private_node() as node:
        yield node


@dataclass(frozen=True, slots=True)
class Bench:
    """A prepared node under test."""

    kind: str
    node: Hypervisor
    wanted: Preparation
    uri: str = ""

    def spec(self, **changes: object) -> DomainSpec:
        given = {"hostname": "bench", "memory_mb": 192, "vcpus": 1, "authorized_key": KEY}
        return DomainSpec(uuid=uuid4(), **(given | changes))  # type: ignore[arg-type]

    async def running(self) -> DomainSpec:
        spec = self.spec()
        await self.node.make_disk(spec.name, 4)
        await self.node.boot(spec)
        return spec


@pytest.fixture(params=["memory", "mock", pytest.param("qemu", marks=pytest.mark.vm)])
async def bench(request: pytest.FixtureRequest, empty_image: GuestImage) -> AsyncGenerator[Bench]:
    """Each driver in turn: the fake, libvirt's own mock, and QEMU."""
    node: Hypervisor
    picture, uri = empty_image, ""
    if request.param == "memory":
        node = MemoryNode()
    elif request.param == "mock":
        node = LibvirtNode("test:///default")
    else:
        picture = request.getfixturevalue("image")
        uri = request.getfixturevalue("libvirtd").uri
        node = LibvirtNode(uri)
    wanted = Preparation(picture, Acceleration.TCG)
    await node.prepare(wanted)
    yield Bench(request.param, node, wanted, uri)
    await clear(node)
    await node.close()


async def clear(node: Hypervisor) -> None:
    """Delete every machine of a node."""
    for name in (await node.survey()).machines:
        with suppress(Unavailable):
            await node.power_off(name)
            await node.undefine(name)
            await node.delete_disk(name)


@pytest.fixture
def socket_of_nobody(tmp_path: Path) -> str:
    """A URI at which nobody listens."""
    return f"qemu+unix:///system?socket={tmp_path}/none"
