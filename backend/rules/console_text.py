"""What a guest writes to its console, as text that can be shown. It is bytes, and the guest may be hostile."""

import codecs
import re

MOST_CHARACTERS = 64 * 1024
_LONGEST_SEQUENCE = 256

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and other strings
    r"|\x1b[ -/]*[0-~]"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*|[ -/]*)?\x1b?\Z|\r+\Z")
_ENDS_OF_LINES = re.compile(r"\r+\n?")


class ConsoleText:
    """Turns one console's bytes into text, piece by piece: what a piece breaks off is finished by the next."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    def add(self, data: bytes) -> str:
        """The text of the next piece: lines, tabs and what can be printed; no colours, no commands."""
        text = self._pending + self._decoder.decode(data)
        unfinished = _UNFINISHED.search(text, max(0, len(text) - _LONGEST_SEQUENCE))
        self._pending = unfinished.group() if unfinished else ""
        text = text[: len(text) - len(self._pending)]
        text = _ENDS_OF_LINES.sub("\n", _ESCAPES.sub("", text))
        return "".join(each for each in text if each in "\n\t" or each.isprintable())


def latest(text: str, most: int) -> str:
    """The end of a text, of at most so many characters, from the beginning of a line where there is one."""
    if len(text) <= most:
        return text
    end = text[-most:]
    _, found, rest = end.partition("\n")
    return rest if found and rest else end
