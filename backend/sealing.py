"""Secrets that the database keeps: sealed with the installation's key, each for one purpose."""

import base64
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.errors import Unavailable
from backend.settings import settings

_VERSION = "v1:"
_NONCE_BYTES = 12


def seal(secret: str, *, purpose: str) -> str:
    """Encrypt with the installation's key (AES-256-GCM). What is sealed for one purpose opens for no other."""
    nonce = os.urandom(_NONCE_BYTES)
    boxed = AESGCM(key_for(purpose)).encrypt(nonce, secret.encode(), purpose.encode())
    return _VERSION + base64.urlsafe_b64encode(nonce + boxed).decode()


def unseal(sealed: str, *, purpose: str) -> str:
    """Open what `seal` closed.

    Raises:
        Unavailable: it was sealed with another key, for another purpose, or was tampered with.
    """
    try:
        raw = base64.urlsafe_b64decode(sealed.removeprefix(_VERSION).encode())
        nonce, boxed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        return AESGCM(key_for(purpose)).decrypt(nonce, boxed, purpose.encode()).decode()
    except (InvalidTag, ValueError) as fault:
        raise Unavailable("A stored secret can't be opened: SECRET_KEY is not the one it was sealed with.") from fault


def key_for(purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, derived from the installation's (HKDF-SHA256, RFC 5869)."""
    return _derive(settings().key, purpose)


@lru_cache(maxsize=16)
def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"pequeroku {purpose}".encode()).derive(key)
