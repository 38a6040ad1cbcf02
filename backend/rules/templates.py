"""File templates: what a slug, a path, a file and a destination may be, and what applying one would do. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from backend.errors import Invalid

MAX_SLUG = 64
MAX_NAME = 100
MAX_DESCRIPTION = 500
MAX_PATH = 255
MAX_DEPTH = 12
MAX_FILE_BYTES = 1024 * 1024
MAX_FILES = 200
MAX_TOTAL_BYTES = 8 * 1024 * 1024
MAX_ORDER = 1_000_000
MAX_REMOVED = 2000
"""Entries that one application may take away; a folder that goes as a whole counts as one."""
DEFAULT_DESTINATION = "/app"
WORKSHOP = ".pequeroku-apply"
"""Where the guest keeps what it is about to put in place, inside the destination; no file may be named so."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_MAX_PART = 100
_SYSTEM = tuple("/bin /boot /dev /etc /lib /lib32 /lib64 /libx32 /proc /run /sbin /sys /usr".split())
_SHARED = frozenset("/ /home /media /mnt /opt /root /srv /tmp /usr/local /var /var/lib /var/log /var/tmp".split())


class Mode(StrEnum):
    """What becomes of files in the destination that the template does not have."""

    MERGE = "merge"  # they stay
    CLEAN = "clean"  # they go


@dataclass(frozen=True, slots=True)
class File:
    """One file of a template, or that a program sends: a checked path, relative to the destination; text, or `raw`
    where it need be none; permission bits.
    """

    path: str
    content: str = ""
    mode: int = 0o644
    order: int = 0
    raw: bytes = b""

    @property
    def data(self) -> bytes:
        return self.raw or self.content.encode()


class Found(StrEnum):
    """What stands in the destination where a file is to go."""

    ABSENT = "absent"
    SAME = "same"  # a plain file with this content and these permission bits
    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    OTHER = "other"  # a device, a socket, a pipe
    BLOCKED = "blocked"  # a part of its path is something else than a folder


@dataclass(frozen=True, slots=True)
class Extra:
    """Something in the destination that the template does not have. A folder is told with how many are in it."""

    path: str
    is_folder: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True)
class Sight:
    """What a guest says of a destination. `real` is its path without links; `found` goes with the template's files.

    `extras` are asked for only where they would be removed; `is_cut` says that there are more than anybody counts.
    `token` is what the guest knows this sight by.
    """

    real: str
    exists: bool
    found: tuple[Found, ...]
    extras: tuple[Extra, ...] = ()
    is_cut: bool = False
    token: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an application would do, path by path."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    removed: tuple[Extra, ...] = ()
    blocked: tuple[str, ...] = field(default=())
    """Files that can't be put where they belong: merging leaves alone what is in their way."""

    @property
    def is_empty(self) -> bool:
        """Whether everything is as the template has it already."""
        return not (self.created or self.changed or self.removed or self.blocked)

    def summary(self) -> str:
        """For the audit log and for people: “3 created, 1 changed, 2 same, 0 removed”."""
        gone = sum(each.count for each in self.removed)
        return f"{len(self.created)} created, {len(self.changed)} changed, {len(self.same)} same, {gone} removed"


def plan(files: Sequence[File], sight: Sight, mode: Mode) -> Plan:
    """Decide what has to be done so that the destination has the template's files.

    A link in a file's place is replaced, never followed. Merging takes no folder away to make room for a file, and
    no file or link to make room for a folder: those are `blocked`. Cleaning takes them away.
    """
    of = {
        found: tuple(each.path for each, seen in zip(files, sight.found, strict=True) if seen is found)
        for found in Found
    }
    in_the_way = (*of[Found.BLOCKED], *of[Found.FOLDER], *of[Found.OTHER])
    clean = mode is Mode.CLEAN
    return Plan(
        created=of[Found.ABSENT] + (of[Found.BLOCKED] if clean else ()),
        changed=of[Found.FILE] + of[Found.LINK] + ((*of[Found.FOLDER], *of[Found.OTHER]) if clean else ()),
        same=of[Found.SAME],
        removed=sight.extras if clean else (),
        blocked=() if clean else in_the_way,
    )


def check_possible(wanted: Plan, sight: Sight, mode: Mode) -> None:
    """Whether the plan may be carried out.

    Raises:
        Invalid: the destination leads, by a link, to where it must not; something is in the way; or too much would go.
    """
    if destination(sight.real, mode) != sight.real:
        raise Invalid("The machine gives no sensible path for that folder.", field="destination")
    if wanted.blocked:
        raise Invalid(
            f"Something else stands where {_named(wanted.blocked)} should go: a folder, a link or a device. "
            "Move it away in the terminal, or choose “clean”.",
            field="mode",
        )
    if sight.is_cut or len(wanted.removed) > MAX_REMOVED:
        raise Invalid(
            f"More than {MAX_REMOVED:,} files would be removed from {sight.real}. Empty it in the terminal first, "
            "or choose “merge”.",
            field="mode",
        )


def slug(raw: str) -> str:
    """Check a slug, which stands in addresses.

    Raises:
        Invalid: empty, too long, or with characters other than small letters, digits and hyphens.
    """
    text = raw.strip().lower()
    if not 1 <= len(text) <= MAX_SLUG or not _SLUG.fullmatch(text):
        raise Invalid(
            f"Use 1 to {MAX_SLUG} small letters, digits and hyphens for the slug, with no hyphen at either end.",
            field="slug",
        )
    return text


def slug_from(name: str) -> str:
    """A slug made of a name: “My API!” becomes “my-api”; “template” where nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[: MAX_SLUG - 8].strip("-") or "template"


def one_line(raw: str, *, field: str, limit: int, required: bool = False) -> str:
    """Check a name or a description: text without control characters.

    Raises:
        Invalid: empty though required, too long, or not printable.
    """
    text = " ".join(raw.split())
    if required and not text:
        raise Invalid(f"Give it a {field}.", field=field)
    if len(text) > limit:
        raise Invalid(f"The {field} is too long: {len(text)} characters, {limit} at most.", field=field)
    if not text.isprintable():
        raise Invalid(f"The {field} has characters in it that can't be shown.", field=field)
    return text


def path(raw: str) -> str:
    """Normalise and check a file's path, relative to the destination: `./src//main.py` becomes `src/main.py`.

    Raises:
        Invalid: absolute, upward, too long, too deep, or with characters that can't be shown.
    """
    text = unicodedata.normalize("NFC", raw.strip())
    if text.startswith(("/", "~")):
        raise Invalid(
            "Give a path relative to the destination, such as src/main.py: it begins with no “/”.", field="path"
        )
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts or text.endswith("/"):
        raise Invalid("Give the file a name, such as src/main.py.", field="path")
    if ".." in parts:
        raise Invalid("A path can't lead upward: leave out the “..”.", field="path")
    if not text.isprintable() or "\\" in text or any(part != part.strip() for part in parts):
        raise Invalid(
            "That path has characters in it that cause trouble: use letters, digits, . _ - and /.", field="path"
        )
    if parts[0].startswith(WORKSHOP):
        raise Invalid(f"Names that begin with {WORKSHOP} are ours. Choose another.", field="path")
    _check_size(parts)
    return "/".join(parts)


def _check_size(parts: list[str]) -> None:
    if len(parts) > MAX_DEPTH:
        raise Invalid(f"That path is too deep: {len(parts)} levels, {MAX_DEPTH} at most.", field="path")
    longest = max(len(part.encode(errors="replace")) for part in parts)
    whole = len("/".join(parts).encode(errors="replace"))
    if longest > _MAX_PART or whole > MAX_PATH:
        raise Invalid(f"That path is too long: {_MAX_PART} bytes a name, {MAX_PATH} in all.", field="path")


def content(raw: str) -> str:
    """Check a file's content: text, of 1 MiB at most.

    Raises:
        Invalid: too long, or not text.
    """
    if "\0" in raw:
        raise Invalid("That is no text: it has NUL characters in it. Templates hold text files only.", field="content")
    try:
        size = len(raw.encode())
    except UnicodeEncodeError as fault:
        raise Invalid("That is no text: it has halves of characters in it.", field="content") from fault
    if size > MAX_FILE_BYTES:
        raise Invalid(f"That file is too big: {size:,} bytes, {MAX_FILE_BYTES:,} at most.", field="content")
    return raw


def mode(raw: int | str) -> int:
    """Check permission bits; text is octal, as for chmod: `755`.

    Raises:
        Invalid: not octal, or not between 0 and 7777.
    """
    text = f"{raw:o}" if isinstance(raw, int) else raw.strip().lower().removeprefix("0o")
    if not re.fullmatch(r"0*[0-7]{1,4}", text):
        raise Invalid("Give the mode as for chmod: octal digits from 0 to 7777, such as 644 or 755.", field="mode")
    return int(text, 8)


def octal(bits: int) -> str:
    """Permission bits as people write them: `0644`."""
    return f"{bits:04o}"


def order(raw: int) -> int:
    """Check a place in the order.

    Raises:
        Invalid: negative or beyond all measure.
    """
    if not 0 <= raw <= MAX_ORDER:
        raise Invalid(f"The order is a number from 0 to {MAX_ORDER:,}.", field="order")
    return raw


def check_files(files: Iterable[File]) -> list[File]:
    """Normalise and check a whole set of files; returns it ordered by (order, path).

    Raises:
        Invalid: a file is out of its bounds, two have one path, a file is where another needs a folder, or too much.
    """
    checked = [File(path(each.path), content(each.content), mode(each.mode), order(each.order)) for each in files]
    check_together((each.path, len(each.data)) for each in checked)
    return sorted(checked, key=lambda each: (each.order, each.path))


def check_together(sizes: Iterable[tuple[str, int]]) -> None:
    """Check checked files, as (path, bytes), against each other and the bounds of a template.

    Raises:
        Invalid: see `check_files`.
    """
    known = list(sizes)
    if len(known) > MAX_FILES:
        raise Invalid(f"A template has {MAX_FILES} files at most.")
    total = sum(size for _, size in known)
    if total > MAX_TOTAL_BYTES:
        raise Invalid(f"The files are too big together: {total:,} bytes, {MAX_TOTAL_BYTES:,} at most.", field="content")
    paths = [each for each, _ in known]
    twice = next((each for each in paths if paths.count(each) > 1), None)
    if twice is not None:
        raise Invalid(f"There is a file “{twice}” already.", field="path")
    folders = {each[:at] for each in paths for at, sign in enumerate(each) if sign == "/"}
    both = folders.intersection(paths)
    if both:
        raise Invalid(f"“{min(both)}” can't be a file and a folder of other files at once.", field="path")


def destination(raw: str, mode: Mode) -> str:
    """Normalise and check the folder that a template is put into.

    Raises:
        Invalid: no absolute path, upward, one of the system's own, or (to be cleaned) a folder that many things share.
    """
    text = raw.strip() or DEFAULT_DESTINATION
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not text.startswith("/") or ".." in parts:
        raise Invalid("Give the folder from the root on, such as /app, without “..”.", field="destination")
    if len(text.encode(errors="replace")) > MAX_PATH or len(parts) > MAX_DEPTH:
        raise Invalid("That folder's path is too long.", field="destination")
    if not text.isprintable() or any(part != part.strip() for part in parts):
        raise Invalid("That folder's path has characters in it that cause trouble.", field="destination")
    clear = "/" + "/".join(parts)
    if any(clear == each or clear.startswith(f"{each}/") for each in _SYSTEM) and not clear.startswith("/usr/local/"):
        raise Invalid(f"{clear} belongs to the system. Choose a folder such as /app or /srv/site.", field="destination")
    if clear == "/" or (mode is Mode.CLEAN and clear in _SHARED):
        raise Invalid(
            f"{clear} holds more than a project. Choose a folder of its own, such as /app.", field="destination"
        )
    return clear


def _named(paths: Sequence[str]) -> str:
    shown = ", ".join(f"“{each}”" for each in paths[:3])
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more"


def digest(files: Iterable[File]) -> str:
    """What a set of files is known by: another content, mode, path or order is another one."""
    told = hashlib.sha256()
    for each in sorted(files, key=lambda file: file.path):
        head = f"{each.path}\0{each.mode:o}\0{each.order}\0{len(each.data)}\0"
        told.update(head.encode(errors="replace") + each.data)
    return told.hexdigest()
