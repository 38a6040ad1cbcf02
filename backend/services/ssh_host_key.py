"""Who the SSH gateway is to people's clients: one ed25519 key of the installation's.

It is made from the oldest secret key that is known here, so that all processes have the same one and it outlives
restarts and a new SECRET_KEY: a client that knows another key for the same address refuses to go on.
"""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from backend.sealing import lasting_key_for
from backend.settings import settings

_PURPOSE = "ssh host key"
_USUAL_PORT = 22


@dataclass(frozen=True, slots=True)
class GatewayView:
    """Where the gateway is, and how to know it. Without a port there is none."""

    host: str
    port: int
    fingerprint: str
    known_hosts: str
    """The line for `~/.ssh/known_hosts`."""

    def command(self, login: str) -> str:
        """What to type to get into the container that a log-in names so; empty where there is no gateway."""
        if not self.port:
            return ""
        return f"ssh {login}@{self.host}" + (f" -p {self.port}" if self.port != _USUAL_PORT else "")


def private_key() -> asyncssh.SSHKey:
    """The key itself."""
    return _key(lasting_key_for(_PURPOSE))


def view() -> GatewayView:
    """What may be known of it by anybody."""
    ours = settings()
    return _view(lasting_key_for(_PURPOSE), urlsplit(ours.dashboard).hostname or "localhost", ours.ssh_port)


@lru_cache(maxsize=4)
def _view(seed: bytes, host: str, port: int) -> GatewayView:
    """Kept: each row of a list of containers asks it."""
    key = _key(seed)
    place = host if port == _USUAL_PORT else f"[{host}]:{port}"
    return GatewayView(host, port, key.get_fingerprint(), f"{place} {key.export_public_key().decode().strip()}")


@lru_cache(maxsize=4)
def _key(seed: bytes) -> asyncssh.SSHKey:
    made = Ed25519PrivateKey.from_private_bytes(seed)
    return asyncssh.import_private_key(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
