"""What may be wrong with a file of a container, in words and codes (docs/files.md)."""

from typing import ClassVar

from backend.errors import PequerokuError


class FileRefused(PequerokuError):
    """What was asked of a file of a container, or of a folder, can't be done; `more` is said to programs as it is."""

    _WORDS: ClassVar[dict[str, tuple[int, str]]] = {
        "not_found": (404, "{} is not there"),
        "exists": (409, "{} is there already"),
        "conflict": (409, "{} was changed meanwhile"),
        "not_a_folder": (409, "{} is no folder, or something on the way there is none"),
        "is_a_folder": (409, "{} is a folder"),
        "outside": (422, "{} leads out of the folder /app, and is left alone"),
        "invalid": (422, "{} can't be used as it is"),
        "binary": (422, "{} is no text"),
        "too_large": (413, "{} is too large to be shown"),
        "no_space": (409, "The machine's disk is full: nothing was changed. Free some of it first"),
        "read_only": (409, "{} can't be written to in the machine"),
        "busy": (429, "{} is in use, or too much is under way just now. Try again in a moment"),
        "cancelled": (409, "It was cancelled"),
        "timeout": (504, "The machine took too long, so it was stopped"),
        "failed": (502, "The machine could not do it"),
    }

    @classmethod
    def has(cls, code: str) -> bool:
        """Whether there is a refusal of that name."""
        return code in cls._WORDS

    def __init__(self, code: str, path: str = "", detail: str = "", **more: object) -> None:
        self.status, sentence = self._WORDS.get(code, (502, "The machine could not do it"))
        words = sentence.format(path or "That") + (f": {detail}" if detail else "")
        shown = "".join(each if each.isprintable() else "�" for each in words[:600])
        super().__init__(shown if shown.endswith((".", "!", "?")) else f"{shown}.")
        self.code, self.path, self.detail, self.more = code, path, detail, more

    def of(self, path: str) -> "FileRefused":
        """The same, said of this path."""
        return FileRefused(self.code, path, self.detail, **self.more)
