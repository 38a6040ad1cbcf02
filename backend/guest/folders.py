"""Looking at a folder in a guest and putting files into it, all or none. The work is done by a program that is sent
into the guest (inside/put_files.py); this is our end of it, and believes nothing of what comes back but its form.
"""

import hashlib
import json
import shlex
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from backend.errors import Conflict, Invalid, Unavailable
from backend.guest.channel import GuestAddress
from backend.guest.shell import Completed, guests
from backend.rules.templates import MAX_PATH, MAX_REMOVED, Extra, File, Found, Mode, Sight

_LOOK_S = 60.0
_APPLY_S = 180.0
_ANSWER_BYTES = 4 * 1024 * 1024
_NO_SUCH_COMMAND = 127
_MAX_COUNT = 1_000_000
_MAX_WORDS = 200


async def look(address: GuestAddress, destination: str, files: Sequence[File], mode: Mode) -> Sight:
    """See what stands in a folder of the guest where the files are to go. Takes a minute at most.

    Raises:
        Invalid, Conflict: the destination is no folder, or somebody else is putting files there.
        Unavailable: the guest can't be reached, has no Python, or talks nonsense.
    """
    return _sight(await _ask(address, _request("look", destination, files, mode), b"", _LOOK_S), len(files))


async def put(address: GuestAddress, destination: str, files: Sequence[File], mode: Mode, sight: Sight) -> None:
    """Put the files in place as they were planned from `sight`. Takes three minutes at most.

    Raises:
        Conflict: the folder is not any more what was seen; nothing was done.
        Invalid, Unavailable: as for `look`. The folder is as it was, or will be at the next look at it.
    """
    sent = [each.data if found is not Found.SAME else None for each, found in zip(files, sight.found, strict=True)]
    request = _request("apply", destination, files, mode, sent=sent, token=sight.token)
    answer = await _ask(address, request, b"".join(each for each in sent if each is not None), _APPLY_S)
    if answer.get("done") is not True:
        raise _nonsense()


def _request(
    verb: str,
    destination: str,
    files: Sequence[File],
    mode: Mode,
    *,
    sent: Sequence[bytes | None] = (),
    token: str = "",
) -> bytes:
    sizes = [-1 if each is None else len(each) for each in sent] or [-1] * len(files)
    wanted = [
        {
            "path": each.path,
            "mode": each.mode,
            "size": len(each.data),
            "sha256": hashlib.sha256(each.data).hexdigest(),
            "send": size,
        }
        for each, size in zip(files, sizes, strict=True)
    ]
    asked = {"do": verb, "destination": destination, "clean": mode is Mode.CLEAN, "files": wanted, "token": token}
    return json.dumps(asked).encode() + b"\n"


async def _ask(address: GuestAddress, request: bytes, contents: bytes, timeout_s: float) -> dict[str, Any]:
    done = await guests().run(
        address, _command(), stdin=request + contents, timeout_s=timeout_s, limit_bytes=_ANSWER_BYTES
    )
    answer = _answer(done, timeout_s)
    if "refused" in answer:
        raise _refusal(str(answer["refused"]), _words(answer.get("detail", "")))
    return answer


@lru_cache
def _command() -> str:
    program = (Path(__file__).parent / "inside" / "put_files.py").read_text()
    return f"exec python3 -I -c {shlex.quote(program)}"


def _answer(done: Completed, timeout_s: float) -> dict[str, Any]:
    if done.timed_out:
        raise Unavailable(
            f"The machine was not done within {timeout_s:.0f} s, so it was stopped. Look again: what it had begun is "
            "undone then."
        )
    if done.exit_code == _NO_SUCH_COMMAND:
        raise Unavailable("The machine has no python3, which this needs. Install it there: apt install python3.")
    try:
        answer = json.loads(done.stdout)
    except (ValueError, RecursionError) as fault:
        raise _nonsense() from fault
    if done.truncated or not isinstance(answer, dict):
        raise _nonsense()
    return cast("dict[str, Any]", answer)


def _refusal(word: str, detail: str) -> Exception:
    match word:
        case "changed":
            return Conflict("The folder has changed since it was looked at. Nothing was done: look again.")
        case "busy":
            return Conflict("Another template is being put into that folder just now. Try again in a moment.")
        case "not-a-folder":
            return Invalid(f"{detail} is there, and is no folder.", field="destination")
        case _:
            return Unavailable(f"The machine could not do it, and left everything as it was: {detail or word}.")


def _sight(answer: dict[str, Any], count: int) -> Sight:
    """The answer to a look, in its exact form or not at all."""
    try:
        found = tuple(Found(each) for each in answer["found"])
        extras = tuple(_extra(*each) for each in answer["extras"])
        sight = Sight(
            real=_text(answer["real"], MAX_PATH * 4),
            exists=answer["exists"] is True,
            found=found,
            extras=extras,
            is_cut=answer["is_cut"] is True,
            token=_text(answer["token"], 64),
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise _nonsense() from fault
    if len(found) != count or len(extras) > MAX_REMOVED:
        raise _nonsense()
    if not sight.real.isprintable():
        raise Invalid("That folder's real path has characters in it that can't be shown.", field="destination")
    return sight


def _extra(path: object, is_folder: object, count: object) -> Extra:
    if not isinstance(count, int) or not 0 <= count <= _MAX_COUNT:
        raise ValueError(count)
    return Extra(_words(_text(path, 4096), limit=4096), is_folder is True, count)


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise TypeError(value)
    return value


def _words(raw: object, *, limit: int = _MAX_WORDS) -> str:
    """A guest's words, fit to be shown: what can't be printed (an undecodable name has such) is marked."""
    return "".join(each if each.isprintable() else "�" for each in str(raw)[:limit])


def _nonsense() -> Unavailable:
    return Unavailable("The machine's answer makes no sense. Is its python3 what Debian ships?")
