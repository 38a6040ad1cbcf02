"""What an SSH client may ask of the gateway: which container a log-in names, and how much of a terminal it gets."""

import re
from dataclasses import dataclass

MOST_SETTINGS = 32
"""Environment variables of one session."""
MOST_PLACES = 100
"""That one connection is forwarded to and that are written down."""
_LONGEST_LOGIN = 130
_LONGEST_VALUE = 1024
_LONGEST_COMMAND_BYTES = 128 * 1024 - 1
"""What Linux takes as one argument (MAX_ARG_STRLEN), without the NUL at its end."""
_MOST_CELLS = 1000
_CONTAINER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_ID = re.compile(r"[1-9][0-9]{0,9}")
_TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,63}")
_SETTING = re.compile(r"COLORTERM|TERM_PROGRAM|TERM_PROGRAM_VERSION|PEQUEROKU_[A-Z0-9_]{1,40}")


@dataclass(frozen=True, slots=True)
class Named:
    """A container, as the user name of a log-in names it. Without an `owner`: one's own, or the one with that id."""

    name: str
    owner: str = ""
    container_id: int | None = None


def named(login: str) -> Named | None:
    """What a log-in is about: `box` or an id; `owner/box` or `box.owner` of what is shared. None: nothing can be.

    A container's name has no dots, so that the first one ends it. `scp` and `rsync` take a slash for a path.
    """
    if len(login) > _LONGEST_LOGIN:
        return None
    owner, slash, name = login.rpartition("/")
    if not slash:
        name, _, owner = login.partition(".")
    if not _CONTAINER.fullmatch(name) or ((owner or slash or "." in login) and not _OWNER.fullmatch(owner)):
        return None
    return Named(name, owner, int(name) if not owner and _ID.fullmatch(name) and int(name) < 2**31 else None)


def setting(name: bytes, value: bytes) -> tuple[str, str] | None:
    """An environment variable that a session may have; None: it may not.

    The locale is the guest's business: it knows only its own, and every program complains of another.
    """
    try:
        said, given = name.decode("ascii"), value.decode()
    except UnicodeDecodeError:
        return None
    is_fine = _SETTING.fullmatch(said) and len(given) <= _LONGEST_VALUE and given.isprintable()
    return (said, given) if is_fine else None


def terminal_type(said: str) -> str:
    """The terminal's kind, or the usual one for what can't be a name of one."""
    return said if _TERM.fullmatch(said) else "xterm-256color"


def cells(cols: int, rows: int) -> tuple[int, int]:
    """A size that a terminal can have; a client without one says 0."""
    return min(cols, _MOST_CELLS) or 80, min(rows, _MOST_CELLS) or 24


def is_command(text: str) -> bool:
    """Whether a shell can be given it: not too long, and without a NUL, after which it would be cut off."""
    return "\0" not in text and len(text.encode(errors="replace")) <= _LONGEST_COMMAND_BYTES


def is_place(host: str, port: int) -> bool:
    """Whether a connection may be asked for there. Where that is, the guest decides."""
    return 0 < port <= 65535 and 0 < len(host) <= 255 and host.isascii() and host.isprintable() and " " not in host


def is_socket(path: str) -> bool:
    """The same for a socket's path."""
    return path.startswith("/") and len(path.encode(errors="replace")) <= 107 and path.isprintable()
