"""What people paste where an SSH public key is asked for, read or answered with a sentence."""

from dataclasses import dataclass

import asyncssh

from backend.errors import Invalid

_MIN_RSA_BITS = 2048
_LONGEST = 1000
_REFUSED = {"ssh-dss": "DSA keys are broken"}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A good one. `line` is what stands in authorized_keys, without the comment."""

    kind: str
    line: str
    comment: str
    fingerprint: str


def read_public_key(text: str) -> PublicKey:
    """Read one line of `authorized_keys`, as `cat ~/.ssh/id_ed25519.pub` shows it.

    Raises:
        Invalid: it is something else, or too weak.
    """
    line = text.strip()
    if "PRIVATE KEY" in line:
        raise _wrong("That is a private key: keep it to yourself, and paste the file that ends in .pub.")
    if len(line.splitlines()) > 1:
        raise _wrong("Paste one key at a time, on one line.")
    words = line.split(None, 2)
    kind = words[0] if words else ""
    if kind in _REFUSED:
        raise _wrong(f"{_REFUSED[kind]}. Make another: ssh-keygen -t ed25519")
    try:
        key = asyncssh.import_public_key(" ".join(words[:2]))
    except (asyncssh.KeyImportError, ValueError) as fault:
        raise _wrong("That is no SSH public key. It begins with ssh-ed25519, ssh-rsa or ecdsa-.") from fault
    if key.get_algorithm() != kind:
        raise _wrong("Paste the key alone, without options before it. It begins with ssh-ed25519, ssh-rsa or ecdsa-.")
    if kind == "ssh-rsa" and (bits := _rsa_bits(key)) < _MIN_RSA_BITS:
        raise _wrong(f"That RSA key has {bits} bits, and 2048 are the least. Make another: ssh-keygen -t ed25519")
    plain = " ".join(words[:2])
    if len(plain) > _LONGEST:
        raise _wrong("That key is too long to be kept. Make another: ssh-keygen -t ed25519")
    comment = "".join(filter(str.isprintable, words[2])) if len(words) > 2 else ""
    return PublicKey(kind, plain, comment, key.get_fingerprint())


def _rsa_bits(key: asyncssh.SSHKey) -> int:
    """From the key's own bytes: a string, then the exponent and the modulus as mpints (RFC 4253, 6.6)."""
    data, at = key.public_data, 0
    parts: list[bytes] = []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return int.from_bytes(parts[2], "big").bit_length()


def _wrong(why: str) -> Invalid:
    return Invalid(why, field="public_key")
