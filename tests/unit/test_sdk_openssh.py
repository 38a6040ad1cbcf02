"""A person's own OpenSSH as `pequeroku` leads it: to the key that the API spoke of, whatever stands in their files."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pequeroku import openssh

from backend.services import ssh_host_key
from tests.command_line import CommandLine
from tests.ssh_clients import Done, Scene, a_gateway, run


@pytest.fixture
async def scene(database: str, tmp_path: Path) -> AsyncGenerator[Scene]:
    async with a_gateway(tmp_path) as made:
        yield made


def _told(scene: Scene, key: str) -> dict[str, Any]:
    """As the API tells it."""
    return {"host": "127.0.0.1", "port": scene.port, "known_hosts": f"[elsewhere]:22 {key}"}


async def _ssh(scene: Scene, key: str, *command: str) -> Done:
    """Over a configuration that is made for other machines."""
    CommandLine(scene.folder, scene.key.path)
    told = [*openssh.options(_told(scene, key), scene.folder / "100% its own"), "-o", "RequestTTY=auto"]
    return await run(str(scene.folder / "bin" / "ssh"), *told, f"{scene.container.id}@127.0.0.1", *command)


async def test_nothing_is_asked_and_a_configuration_for_others_breaks_nothing(scene: Scene) -> None:
    key = ssh_host_key.private_key().export_public_key().decode().strip()
    done = await _ssh(scene, key, "echo in; exit 5")
    assert (done.code, done.out, done.err) == (5, b"in\n", "")


async def test_a_gateway_with_another_key_is_not_entered(scene: Scene) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    done = await _ssh(scene, other, "echo in")
    assert (done.code, done.out) == (255, b"")
    assert "Host key verification failed" in done.err


def test_the_files_of_two_gateways_are_two_and_each_is_whole(tmp_path: Path) -> None:
    def known(key: str) -> Path:
        told = openssh.options({"port": 2222, "known_hosts": f"host {key}"}, tmp_path / "new")
        return Path(next(each for each in told if each.startswith("UserKnownHosts")).partition("=")[2].strip('"'))

    first, second = known("ssh-ed25519 A"), known("ssh-ed25519 B")
    assert first != second
    assert first.read_text() == "pequeroku ssh-ed25519 A\n"
    first.write_text("half")
    assert known("ssh-ed25519 A").read_text() == "pequeroku ssh-ed25519 A\n"
    assert len(list((tmp_path / "new").iterdir())) == 2
