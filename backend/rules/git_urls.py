"""What may be cloned from: an address of `git`'s, taken apart. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from backend.rules.file_refusals import FileRefused

_MAX = 2000
_SECRET = 20_000
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|\[[0-9a-fA-F:.]{2,45}\]")
_SHORT = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,62})@([A-Za-z0-9][A-Za-z0-9.-]{0,250}):([A-Za-z0-9_~][^\s\\]*)")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,99}")
_HERE = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to clone from. `url` has no secret in it; `host` is what the secret is good for: `https://name:port`."""

    url: str
    host: str = ""
    username: str = ""
    token: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return f"Origin({self.url})"


def origin(url: str, *, token: str = "", username: str = "", key: str = "") -> Origin:
    """Check what was given.

    Raises:
        FileRefused: `invalid`, with a sentence that says what may be given.
    """
    url = url.strip()
    if not url or len(url) > _MAX or not url.isprintable() or " " in url or len(token) > _SECRET or len(key) > _SECRET:
        raise _invalid("give one such as https://host/name.git or git@host:name.git")
    if any(not each.isprintable() for each in token + username):
        raise _invalid("the token has characters in it that no token has")
    if key and "PRIVATE KEY" not in key:
        raise _invalid("the key has to be a private key, from -----BEGIN to -----END")
    if _SHORT.fullmatch(url):
        return _by_ssh(url, token, key)
    return _with_scheme(url, token, username, key)


def _with_scheme(url: str, token: str, username: str, key: str) -> Origin:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _invalid("it can't be read") from None
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    if not _HOST.fullmatch(name) or parts.fragment:
        raise _invalid("its host can't be one")
    if parts.scheme == "ssh":
        if parts.password is not None or not _USER.fullmatch(parts.username or "git"):
            raise _invalid("an SSH address has a user's name and no password")
        return _by_ssh(url, token, key)
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and token and name not in _HERE):
        raise _invalid("begin it with https:// or ssh://, and send a token over https:// only")
    if key:
        raise _invalid("a private key is for SSH: begin it with ssh:// or git@")
    token, username = token or unquote(parts.password or ""), username or unquote(parts.username or "")
    if not token and username and "@" in parts.netloc:
        token, username = username, ""  # https://token@host
    place = f"{name}:{port}" if port else name
    clean = parts._replace(netloc=place).geturl()
    return Origin(clean, f"{parts.scheme}://{place}", (username or "oauth2") if token else "", token)


def _by_ssh(url: str, token: str, key: str) -> Origin:
    if token:
        raise _invalid("a token is for https://: over SSH, give a private key")
    return Origin(url, key=key.strip() + "\n" if key.strip() else "")


def _invalid(why: str) -> FileRefused:
    return FileRefused("invalid", "That address", why)
