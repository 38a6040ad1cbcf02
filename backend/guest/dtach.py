"""How shells outlive their connections: each runs under dtach in the guest, and we speak dtach's own protocol to its
socket, forwarded by SSH. No attaching program, and no second PTY, stands in between. Pure: commands and packets.

A packet to dtach is 10 bytes: kind, length, and 8 of content. From it comes bare output.
"""

import base64
import re
import struct

FOLDER = "/run/pequeroku/tty"

_PUSH, _ATTACH, _WINCH, _REDRAW = 0, 1, 3, 4
_CONTENT_BYTES = 8
_BY_SIGWINCH = 3
_ID = re.compile(r"[a-z0-9]{1,16}")
_ENVIRONMENT = "TERM=xterm-256color COLORTERM=truecolor LANG=C.UTF-8"


def is_id(text: str) -> bool:
    """Whether this may name a terminal: it becomes a file's name in the guest."""
    return _ID.fullmatch(text) is not None


def socket_of(terminal_id: str) -> str:
    """The terminal's socket in the guest."""
    return f"{FOLDER}/{terminal_id}"


def start_command(terminal_id: str, cols: int, rows: int, program: str = "/bin/bash -l") -> str:
    """Start a login shell, or another program, under dtach. It outlives us.

    It waits for the first who attaches, since what is said before that would be heard by nobody; for half a minute,
    since nobody may come. dtach marks its socket as executable while somebody is attached.

    What it leaves: `<id>.pid` (dtach's own pid), and at its end `<id>.exit`, the program's exit code.
    """
    path = socket_of(terminal_id)
    wait = f"n=0; until [ -x {path} ] || [ $n = 600 ]; do n=$((n+1)); sleep 0.05; done"
    begin = f"echo $PPID > {path}.pid; stty iutf8 cols {cols} rows {rows}; {wait}"
    shell = f"{begin}; {program}; echo $? > {path}.exit"
    return (
        f"[ -d {FOLDER} ] || mkdir -p -m 700 {FOLDER}; rm -f {path}.exit; unset SSH_CLIENT SSH_CONNECTION; cd; "
        f"{_ENVIRONMENT} exec dtach -n {path} -E -z -r winch /bin/sh -c '{shell}'"
    )


def program_of(terminal_id: str, command: str, folder: str, title: str) -> str:
    """A shell command in place of the shell, for `start_command`. Leaves its session's id in `<id>.sid`."""
    coded = base64.b64encode(command.encode()).decode()
    begin = f'echo $$ > {socket_of(terminal_id)}.sid; cd {folder}; printf "\\033]0;{title}\\007"'
    return f'{begin}; /bin/bash -lc "$(echo {coded} | base64 -d)"'


def stop_command(terminal_id: str) -> str:
    """TERM to all that such a program began, five seconds to leave in order, KILL; waits until they are gone."""
    path = socket_of(terminal_id)
    moments = "for each in $(seq 50); do pgrep -s $sid > /dev/null || break; sleep 0.1; done"
    return (
        f"[ -f {path}.sid ] && read -r sid < {path}.sid && [ -S {path} ] && "
        f"{{ pkill -TERM -s $sid; {moments}; pkill -KILL -s $sid; }}; rm -f {path}.sid; true"
    )


def fate_command(terminal_id: str) -> str:
    """Print what became of a terminal: `exit N`, `alive` or `gone`."""
    path = socket_of(terminal_id)
    return (
        f"if [ -f {path}.exit ]; then read -r code < {path}.exit; rm -f {path}*; echo exit $code; "
        f"elif [ -S {path} ]; then echo alive; else echo gone; fi"
    )


def exit_code_of(fate: bytes) -> int | None:
    """The exit code in what `fate_command` printed; None where there is none. The guest may print what it likes."""
    found = re.fullmatch(rb"exit (\d{1,3})\s*", fate)
    return int(found[1]) if found else None


def end_command(terminal_id: str) -> str:
    """Hang up: dtach goes, its PTY with it, and the kernel tells the programs."""
    path = socket_of(terminal_id)
    return f"[ -f {path}.pid ] && read -r pid < {path}.pid && kill $pid; rm -f {path} {path}.pid {path}.exit"


LIST_COMMAND = f"cd {FOLDER} 2>/dev/null && for each in *; do [ -S $each ] && echo $each; done; true"


def listed(output: bytes) -> list[str]:
    """The terminal ids in what LIST_COMMAND printed."""
    return [name for name in output.decode(errors="replace").split() if is_id(name)]


def attach(cols: int, rows: int, *, redraw: bool) -> bytes:
    """Begin to receive output, at this size; with `redraw` the program is asked to draw itself anew."""
    begin = struct.pack("BB8x", _ATTACH, 0)
    return begin + (_sized(_REDRAW, cols, rows, _BY_SIGWINCH) if redraw else resize(cols, rows))


def resize(cols: int, rows: int) -> bytes:
    """Make the PTY this big."""
    return _sized(_WINCH, cols, rows, _CONTENT_BYTES)


def push(data: bytes) -> bytes:
    """Keys pressed."""
    pieces = (data[start : start + _CONTENT_BYTES] for start in range(0, len(data), _CONTENT_BYTES))
    return b"".join(struct.pack("BB8s", _PUSH, len(piece), piece) for piece in pieces)


def _sized(kind: int, cols: int, rows: int, length: int) -> bytes:
    return struct.pack("BBHHHH", kind, length, rows, cols, 0, 0)
