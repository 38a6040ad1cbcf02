"""Previews of what a guest's programs serve: which ports, at which address, shown to whom. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from backend.errors import Invalid

OURS = "/_pequeroku/"
"""Paths of a preview's origin that are ours, and never reach the program."""
ENTER = f"{OURS}enter"
LONGEST_HOURS = 24 * 30
_NO_PAGES = {22: "SSH", 25: "mail"}
_LABEL = re.compile(r"p([1-9]\d{0,4})-([0-9a-f]{32})")


class Level(StrEnum):
    """Who may open a port's preview, beside those who have a link to it."""

    ME = "me"  # the owner, and who may use the container's terminals: they could look from inside anyway
    TEAM = "team"  # everybody whom the container is shared with


@dataclass(frozen=True, slots=True)
class Place:
    """A port of a container, as an address names it."""

    uuid: UUID
    port: int

    @property
    def label(self) -> str:
        """The first part of its host name: an origin of its own for each port of each container."""
        return f"p{self.port}-{self.uuid.hex}"


def check_port(port: int) -> int:
    """The port.

    Raises:
        Invalid: there is no such port, or it shows no pages.
    """
    if not 1 <= port <= 65535:
        raise Invalid("A port is a number from 1 to 65535.", field="port")
    if port in _NO_PAGES:
        raise Invalid(f"Port {port} is for {_NO_PAGES[port]}: there are no pages to be seen.", field="port")
    return port


def place_of(label: str) -> Place | None:
    """What a label names; None where it is none."""
    found = _LABEL.fullmatch(label)
    if found is None:
        return None
    try:
        return Place(UUID(found[2]), check_port(int(found[1])))
    except Invalid:
        return None


def place_at(host: str, domain: str) -> Place | None:
    """What a Host header names; None where it is no preview of ours. `domain` may carry a port, which doesn't count."""
    name, ending = _without_port(host.lower()), "." + _without_port(domain.lower())
    return place_of(name.removesuffix(ending)) if name.endswith(ending) else None


def level(raw: str) -> Level:
    """The level with this name.

    Raises:
        Invalid: there is none.
    """
    try:
        return Level(raw)
    except ValueError as fault:
        raise Invalid("Choose who may open it: me or team.", field="level") from fault


def link_hours(hours: int) -> int:
    """How long a link holds.

    Raises:
        Invalid: not at all, or longer than a month.
    """
    if not 1 <= hours <= LONGEST_HOURS:
        raise Invalid(f"A link holds from 1 to {LONGEST_HOURS} hours.", field="hours")
    return hours


def local_path(raw: str) -> str:
    """`raw` if it is a path of the same origin, else `/`. Browsers read `//host` and `/\\host` as another one."""
    is_local = raw.startswith("/") and not raw.startswith(("//", OURS)) and "\\" not in raw
    return raw if is_local and raw.isascii() and raw.isprintable() and " " not in raw and len(raw) <= 2000 else "/"


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host
