"""Our keys into guests: a pair per container, the private half kept only under seal."""

import secrets
from base64 import b64encode
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from backend.sealing import seal, unseal

_PURPOSE = "guest-key"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`public` as a line of authorized_keys without a comment; the private half sealed."""

    public: str
    private_sealed: str


def make_key_pair() -> KeyPair:
    """Make an ed25519 pair."""
    public, private = _pair()
    return KeyPair(public, seal(private, purpose=_PURPOSE))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a guest becomes, and our key into it. `host_key_private` is in OpenSSH's form; `machine_id` 32 hex digits."""

    hostname: str
    authorized_key: str
    host_key: str
    host_key_private: str
    machine_id: str
    seed: str


def make_identity(hostname: str, authorized_key: str) -> Identity:
    """A host key, a machine id and 64 bytes for the random numbers, all new."""
    public, private = _pair()
    return Identity(
        hostname, authorized_key, public, private, secrets.token_hex(16), b64encode(secrets.token_bytes(64)).decode()
    )


def open_private_key(sealed: str) -> str:
    """The private half, in OpenSSH's form.

    Raises:
        Unavailable: it was sealed with another SECRET_KEY, or tampered with.
    """
    return unseal(sealed, purpose=_PURPOSE)


def _pair() -> tuple[str, str]:
    """Public and private half of a new ed25519 key, in OpenSSH's form."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return public, private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
