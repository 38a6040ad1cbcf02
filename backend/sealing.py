"""Secrets that the database keeps: sealed with the installation's key, each for one purpose.

What is sealed names its key, so that SECRET_KEY can be changed: a former one, in SECRET_KEYS_BEFORE, still opens what
it closed, and `python -m backend.cli reseal` closes all of it with the present one.
"""

import base64
import os
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.errors import Unavailable
from backend.settings import settings

_FIRST_VERSION = "v1:"
"""Names no key."""
_VERSION = "v2:"
_NONCE_BYTES = 12
_KEY_ID_LENGTH = 8


def seal(secret: str, *, purpose: str) -> str:
    """Encrypt with the installation's key (AES-256-GCM). What is sealed for one purpose opens for no other."""
    nonce = os.urandom(_NONCE_BYTES)
    boxed = AESGCM(key_for(purpose)).encrypt(nonce, secret.encode(), purpose.encode())
    return f"{_VERSION}{key_id()}:{base64.urlsafe_b64encode(nonce + boxed).decode()}"


def unseal(sealed: str, *, purpose: str) -> str:
    """Open what `seal` closed, with the present key or a former one.

    Raises:
        Unavailable: it was sealed with a key that is not known here, for another purpose, or was tampered with.
    """
    named, packed = _taken_apart(sealed)
    for key in (settings().key, *settings().keys_before):
        if named and named != _id_of(key):
            continue
        try:
            raw = base64.urlsafe_b64decode(packed.encode())
            nonce, boxed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            return AESGCM(_derive(key, purpose)).decrypt(nonce, boxed, purpose.encode()).decode()
        except (InvalidTag, ValueError):
            continue
    raise Unavailable("A stored secret can't be opened: SECRET_KEY is not the one it was sealed with.")


def resealed(sealed: str, *, purpose: str) -> str:
    """The same secret under the present key; unchanged where it is sealed with that already.

    Raises:
        Unavailable: as `unseal`.
    """
    if not sealed or sealed.startswith(f"{_VERSION}{key_id()}:"):
        return sealed
    return seal(unseal(sealed, purpose=purpose), purpose=purpose)


def key_id() -> str:
    """What the present key is called in what it seals: says nothing of the key itself."""
    return _id_of(settings().key)


def key_for(purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, derived from the installation's (HKDF-SHA256, RFC 5869)."""
    return _derive(settings().key, purpose)


def lasting_key_for(purpose: str) -> bytes:
    """As `key_for`, of the oldest secret that is known here: for what can't be keyed anew, like the audit's chain."""
    return _derive((settings().key, *settings().keys_before)[-1], purpose)


def _taken_apart(sealed: str) -> tuple[str, str]:
    """The id of its key, empty where it names none, and the rest."""
    if not sealed.startswith(_VERSION):
        return "", sealed.removeprefix(_FIRST_VERSION)
    named, _, packed = sealed.removeprefix(_VERSION).partition(":")
    return named, packed


@lru_cache(maxsize=16)
def _id_of(key: bytes) -> str:
    return sha256(_derive(key, "key id")).hexdigest()[:_KEY_ID_LENGTH]


@lru_cache(maxsize=64)
def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"pequeroku {purpose}".encode()).derive(key)
