"""Our keys into guests: a pair per container, the private half kept only under seal."""

import base64
import os
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from backend.errors import Unavailable
from backend.settings import settings

_VERSION = "v1:"
_NONCE_BYTES = 12
_GUEST_KEY = "guest-key"


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
    return KeyPair(public, seal(text))


def seal(secret: str, *, purpose: str = _GUEST_KEY) -> str:
    """Encrypt with the installation's key (AES-256-GCM). What is sealed for one purpose opens for no other."""
    nonce = os.urandom(_NONCE_BYTES)
    boxed = _cipher(settings().key, purpose).encrypt(nonce, secret.encode(), purpose.encode())
    return _VERSION + base64.urlsafe_b64encode(nonce + boxed).decode()


def unseal(sealed: str, *, purpose: str = _GUEST_KEY) -> str:
    """Open what `seal` closed.

    Raises:
        Unavailable: it was sealed with another key, for another purpose, or was tampered with.
    """
    try:
        raw = base64.urlsafe_b64decode(sealed.removeprefix(_VERSION).encode())
        nonce, boxed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        return _cipher(settings().key, purpose).decrypt(nonce, boxed, purpose.encode()).decode()
    except (InvalidTag, ValueError) as fault:
        raise Unavailable("A stored key can't be opened: SECRET_KEY is not the one it was sealed with.") from fault


@lru_cache(maxsize=16)
def _cipher(key: bytes, purpose: str) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=f"pequeroku {purpose}".encode()).derive(key))
