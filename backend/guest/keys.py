"""Our keys into guests: a pair per container, the private half kept only under seal."""

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
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    text = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return KeyPair(public, seal(text, purpose=_PURPOSE))


def open_private_key(sealed: str) -> str:
    """The private half, in OpenSSH's form.

    Raises:
        Unavailable: it was sealed with another SECRET_KEY, or tampered with.
    """
    return unseal(sealed, purpose=_PURPOSE)
