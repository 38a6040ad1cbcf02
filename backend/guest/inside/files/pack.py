"""A folder as one stream, as `tar` makes it: links stay links, nothing outside is touched."""

import os
from typing import Any

from backend.guest.inside.files import processes
from backend.guest.inside.files.jail import Trouble
from backend.guest.inside.files.main import Call, Program

_PIECE_BYTES = 256 * 1024


def do_pack(program: Program, call: Call, *, path: str) -> dict[str, Any]:
    """Send it, one piece for each word that another is wanted."""
    with program.jail.place(path, follow=True) as place:
        with program.jail.folder(path):
            pass  # or it is no folder
        packing = ["tar", "-cf", "-", "--use-compress-program=gzip -1", "--warning=no-file-changed", "--sort=name"]
        if place.name == ".":
            packing += [f"--transform=s,^\\.,{os.path.basename(program.jail.root)},", "."]
        else:
            packing += ["--", f"./{place.name}"]
        with processes.start(call, packing, place.folder) as process:
            try:
                while process.stdout is not None:
                    call.receive()
                    piece = process.stdout.read(_PIECE_BYTES)
                    if not piece:
                        break
                    call.send(piece)
                errors = processes.last_words(process.stderr)
            except Trouble:
                processes.end(process)
                raise
    if process.returncode not in (0, 1):  # 1: something changed while it was read
        raise processes.failure(errors)
    return {}
