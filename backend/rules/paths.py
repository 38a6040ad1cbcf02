"""Paths of a container's files: what people and programs may say, and how they are said to them. Pure.

Everything is beneath ROOT. Inside, a path is relative to it and has neither `..` nor doubled slashes; the guest's own
end (guest/inside/files/jail.py) sees to it that links don't lead out. Names are bytes: those that are not UTF-8 are
lone surrogates in text (`surrogateescape`).
"""

from typing import cast

from backend.rules.file_refusals import FileRefused

ROOT = "/app"
MAX_PATH_BYTES = 4000
MAX_NAME_BYTES = 255
_MAX_GLOBS = 50
_MAX_GLOB = 200
_NAMED = 3


def inside(path: object) -> str:
    """A path of a person's as one relative to ROOT: "" for the root itself.

    Raises:
        FileRefused: `invalid`, `outside`.
    """
    if not isinstance(path, str):
        raise FileRefused("invalid", "The path", "it is a text such as /app/main.py")
    raw = _bytes(path)
    if b"\0" in raw:
        raise FileRefused("invalid", path, "it has a NUL in it")
    if len(raw) > MAX_PATH_BYTES:
        raise FileRefused("invalid", _short(path), f"it is longer than {MAX_PATH_BYTES} bytes")
    parts = _resolved(_beneath(path), path)
    for part in parts:
        if len(_bytes(part)) > MAX_NAME_BYTES:
            raise FileRefused("invalid", _short(part), f"a name has {MAX_NAME_BYTES} bytes at most")
    return "/".join(parts)


def outside(path: str) -> str:
    """A relative path as people see it."""
    return f"{ROOT}/{path}" if path else ROOT


def globs(given: object, name: str) -> list[str]:
    """Checked patterns of a search.

    Raises:
        FileRefused: `invalid`.
    """
    said = cast("list[object]", given) if isinstance(given, list) else [None]
    kept = [each.strip().removeprefix(f"{ROOT}/").strip("/") for each in said if isinstance(each, str)]
    if len(kept) != len(said) or len(kept) > _MAX_GLOBS or any(not _is_glob(each) for each in kept):
        message = f"{name} is a list of up to {_MAX_GLOBS} patterns such as *.py or src/**"
        raise FileRefused("invalid", f"{name}", message)
    return [each for each in kept if each]


def _is_glob(glob: str) -> bool:
    return len(glob) <= _MAX_GLOB and "\0" not in glob and glob.count("*") <= 20 and _is_encodable(glob)


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _bytes(path: str) -> bytes:
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise FileRefused("invalid", _short(path), "it has characters that no name can have") from None


def _beneath(path: str) -> str:
    if not path.startswith("/"):
        return path
    if path == ROOT or path.startswith(f"{ROOT}/"):
        return path[len(ROOT) :]
    return f"../{path}"


def _resolved(path: str, said: str) -> list[str]:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise FileRefused("outside", _short(said))
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _short(path: str) -> str:
    return path if len(path) <= 120 else f"{path[:100]}…"
