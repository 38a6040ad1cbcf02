"""Looking through files: `find` says which, `grep` what is in them. Both are bounded, and end with their request."""

import os
import re
import subprocess
import threading
from typing import Any

from backend.guest.inside.files import processes
from backend.guest.inside.files.jail import OURS, Trouble
from backend.guest.inside.files.main import Call, Program

_LEFT_OUT = (".git", "node_modules", "__pycache__", ".venv")
_BIGGEST = "-5242881c"
_MARK, _END = b"\x1b[1;7;9;7;1m", b"\x1b[m"
_COLORS = "ms=1;7;9;7;1:mc=:sl=:cx=:fn=:ln=:bn=:se=:ne"
_LINE_BYTES = 64 * 1024
_ABOUT = 300
_BEFORE = 80


def do_search(
    program: Program, call: Call, *, query: str, regex: bool, match_case: bool, include: list[str], exclude: list[str],
    limit: int, seconds: float,
) -> dict[str, Any]:  # fmt: skip
    """The lines that have the query in them."""
    how = ["-P" if regex else "-F", *([] if match_case else ["-i"]), "-e", query]
    _check(call, program, how)
    with program.jail.folder("") as folder:
        finding = ["find", ".", *_wanted(include, exclude), "-type", "f", "-size", _BIGGEST, "-print0"]
        grep = ["grep", "-nHIZs", "--color=always", "-m", str(limit + 1), *how, "--"]
        pipe = ["sh", "-c", '"$@" | xargs -0 -r -n 500 ' + " ".join(map(_quoted, grep)), "sh", *finding]
        env = {"GREP_COLORS": _COLORS}
        with processes.start(call, pipe, folder, env=env) as process:
            late = threading.Timer(seconds, processes.end, [process])
            late.start()
            matches, files, is_cut = _collected(process, limit)
            was_late = not late.is_alive()
            late.cancel()
            processes.end(process)
    call.check()
    return {"matches": matches, "files": files, "truncated": is_cut or was_late}


def _check(call: Call, program: Program, how: list[str]) -> None:
    """grep says what is wrong with an expression."""
    with program.jail.folder("") as folder, processes.start(call, ["grep", *how, "/dev/null"], folder) as process:
        _, errors = process.communicate()
    if process.returncode == 2:
        raise Trouble("invalid", errors.decode(errors="replace").removeprefix("grep: ").strip()[:300])


def _collected(process: "subprocess.Popen[bytes]", limit: int) -> tuple[list[Any], int, bool]:
    """`./path NUL number : line`, with marks about what was found; long lines come in more than one piece."""
    matches: list[Any] = []
    files: set[str] = set()
    out = process.stdout
    while out is not None and (line := out.readline(_LINE_BYTES)):
        path, _, rest = line.partition(b"\0")
        number, _, text = rest.partition(b":")
        before, piece = 0, text
        while _MARK not in piece and not piece.endswith(b"\n") and (more := out.readline(_LINE_BYTES)):
            before, piece = before + _letters(piece), more
        column, shown = _shown(piece, before)
        while not piece.endswith(b"\n") and (piece := out.readline(_LINE_BYTES)):
            pass
        name = os.fsdecode(path.removeprefix(b"./"))
        if len(matches) >= limit:
            return matches, len(files), True
        files.add(name)
        matches.append([name, int(number) if number.isdigit() else 0, column, shown])
    return matches, len(files), False


def _shown(text: bytes, before: int) -> tuple[int, str]:
    """The column of the first match, and the line, or what is about the match where it is long."""
    head, mark, tail = text.rstrip(b"\r\n").partition(_MARK)
    start = _letters(head)
    whole = (head + tail.replace(_MARK, b"")).replace(_END, b"").decode(errors="replace")
    column = before + start + 1 if mark else 1
    return column, whole if len(whole) <= _ABOUT else whole[max(0, start - _BEFORE) :][:_ABOUT]


def _letters(text: bytes) -> int:
    """How many: those bytes of UTF-8 that do not go on with one."""
    return len(text.translate(None, bytes(range(0x80, 0xC0))))


def _wanted(include: list[str], exclude: list[str]) -> list[str]:
    """What `find` goes into, and what it shows."""
    named = "/".join(include).split("/")
    left_out = [each for each in _LEFT_OUT if each not in named]
    words = ["-name", f"{OURS}*"]
    for each in left_out:
        words += ["-o", "-name", each]
    words = ["-regextype", "posix-extended", "(", *words, ")", "-prune", "-o"]
    if exclude:
        words += ["-regex", _expression(exclude), "-prune", "-o"]
    return [*words, *(["-regex", _expression(include)] if include else [])]


def _expression(globs: list[str]) -> str:
    """What `find` says of whole paths, as an extended regular expression: `./` and the glob, or what is under it."""
    return "|".join(_one(each) for each in globs)


def _one(glob: str) -> str:
    glob = glob.strip("/")
    start = r"\./" if "/" in glob else r"\./(.*/)?"
    return f"({start}{_translated(glob)}(/.*)?)"


def _translated(glob: str) -> str:
    words = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return "".join(words.get(each) or re.sub(r"([][().+{}|^$\\])", r"\\\1", each) for each in parts)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def do_names(program: Program, call: Call, *, limit: int, seconds: float) -> dict[str, Any]:
    """Send the paths of all that is there, a letter for its kind before each; NULs in between."""
    sent = 0
    with program.jail.folder("") as folder:
        finding = ["find", ".", "-mindepth", "1", *_wanted([], []), "-printf", "%y%P\\0"]
        with processes.start(call, finding, folder) as process:
            late = threading.Timer(seconds, processes.end, [process])
            late.start()
            while process.stdout is not None and sent < limit and (piece := os.read(process.stdout.fileno(), 131072)):
                call.send(piece)
                sent += len(piece)
            was_late = not late.is_alive()
            late.cancel()
            processes.end(process)
    return {"truncated": was_late or sent >= limit}
