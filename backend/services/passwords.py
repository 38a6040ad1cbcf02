"""Passwords: kept as argon2id hashes, checked in a thread, at the same cost whether there is a user or not."""

import secrets

from anyio import to_thread
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from backend.rules import names

_hasher = PasswordHash((Argon2Hasher(),))
_DUMMY_HASH = _hasher.hash("nobody's password")  # so that an unknown name costs as much time as a wrong password


async def hash_password(raw: str) -> str:
    """The hash of a new password.

    Raises:
        Invalid: it is too short or too long.
    """
    return await to_thread.run_sync(_hasher.hash, names.password(raw))


async def matches(raw: str, hashed: str) -> bool:
    """Whether it is the password. An empty hash is nobody's: it matches nothing, and costs as much."""
    return await to_thread.run_sync(_verify, raw, hashed or _DUMMY_HASH) and bool(hashed)


def made_up() -> str:
    """A password for somebody else, to be changed at the first use."""
    return secrets.token_urlsafe(12)


def _verify(raw: str, hashed: str) -> bool:
    return len(raw) <= 1024 and _hasher.verify(raw, hashed)
