"""Processes in guests that go on when nobody waits for them: started, listed, read, stopped.

Everything about them is in the guest, so they outlive us: each is a systemd unit `pqk-run-<id>`, which holds all that
it begins, and a folder with its command, its output, and how it ended. What ended is kept until it is forgotten, or
its id is used again; after a reboot of the guest nothing runs, and the folders are still there.
"""

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote

from backend.errors import Conflict, NotFound, Unavailable
from backend.guest.channel import GuestAddress
from backend.guest.shell import Completed, guests

MOST = 50
"""Processes of one guest, ended ones too."""
LONGEST_READ = 256 * 1024
KEPT_LOG_BYTES = 8 * 1024 * 1024
"""Of what a process says, the last so much can be read; on the guest's disk a log takes half as much again at most."""
_ROOT = "/var/lib/pequeroku/runs"
_FULL, _BUSY, _ABSENT = 64, 65, 66  # exit codes of ours
_FIELDS = 8
_TIMEOUT_S = 30.0
_SIZE = re.compile(r"\d{1,18}")
_FIGURES = re.compile(rb"(\d{1,18}) (\d{1,18})")


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it is now. `exit_code` is 128 + n after signal n, and None where nobody saw an end."""

    id: str
    command: str
    cwd: str
    state: str
    """running, ended, or stopped by us."""
    exit_code: int | None
    started_at: datetime
    ended_at: datetime | None
    log_bytes: int


@dataclass(frozen=True, slots=True)
class LogPiece:
    """A piece of what a process has said, on both streams. Begin the next one at `next_offset`."""

    data: bytes
    offset: int
    next_offset: int
    size: int


async def start(
    address: GuestAddress,
    process_id: str,
    command: str,
    *,
    cwd: str = "",
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> None:
    """Start a shell command that nobody waits for. An ended process of that id is forgotten for it. Its input is in a
    file that is removed as soon as it is opened.

    Raises:
        Conflict: one of that id runs, or there are too many.
        Unavailable: the guest can't be reached, or could not start it.
    """
    words = [f"--setenv={quote(f'{name}={value}')}" for name, value in {"HOME": "/root", **(env or {})}.items()]
    if cwd:
        words.append(f"--working-directory={quote(cwd)}")
    text = command.encode()
    variables = f"id={process_id}; cwd={quote(cwd)}; most={MOST}; root={_ROOT}; length={len(text)}"
    done = await _run(address, f'{variables}\n{_START} {" ".join(words)} /bin/bash "$f/run" "$f"', text + stdin)
    if done.exit_code == _FULL:
        raise Conflict(f"{MOST} processes are kept in a machine. Delete some that have ended.")
    if done.exit_code == _BUSY:
        raise Conflict(f"“{process_id}” is running. Stop it first.")
    _check(done)


async def listed(address: GuestAddress) -> list[Process]:
    """All that run, and those that ended and are not forgotten; the newest first."""
    done = await _run(address, f"root={_ROOT}\nset -- $root/*\n{_LIST}")
    _check(done)
    return sorted(_parsed(done.stdout), key=lambda each: (each.started_at, each.id), reverse=True)


async def look(address: GuestAddress, process_id: str) -> Process:
    """One of them.

    Raises:
        NotFound: there is none of that id.
    """
    done = await _run(address, f"root={_ROOT}\nset -- $root/{process_id}\n{_LIST}")
    _check(done)
    found = _parsed(done.stdout)
    if not found:
        raise NotFound("That process")
    return found[0]


async def read_log(
    address: GuestAddress, process_id: str, *, offset: int = 0, limit: int = LONGEST_READ, wait_s: float = 0.0
) -> LogPiece:
    """What it has said from the byte `offset` on; a negative one counts from the end. Waits for more if there is none.
    Where that is not kept any more, the piece begins at the first byte that is.

    Raises:
        NotFound: there is none of that id.
    """
    limit = max(1, min(limit, LONGEST_READ))
    variables = f"log={_ROOT}/{process_id}/log; offset={offset}; limit={limit}; tries={int(wait_s * 5)}"
    variables += f"; kept={KEPT_LOG_BYTES}"
    done = await _run(address, f"{variables}\n{_READ}", limit_bytes=LONGEST_READ + 100)
    _check(done)
    head, _, data = done.stdout.partition(b"\n")
    figures = _FIGURES.fullmatch(head)
    if figures is None or int(figures[2]) > int(figures[1]):
        raise Unavailable("The machine's answer makes no sense. Is its shell what Debian ships?")
    size, begin = int(figures[1]), int(figures[2])
    return LogPiece(data, begin, begin + len(data), size)


async def stop(address: GuestAddress, process_id: str) -> None:
    """End it with all that it began: TERM, and KILL after five seconds. What has ended already is left as it is.

    Raises:
        NotFound: there is none of that id.
    """
    _check(await _run(address, f"id={process_id}; f={_ROOT}/{process_id}\n{_STOP}"))


async def forget(address: GuestAddress, process_id: str) -> None:
    """Remove what is kept of a process that has ended.

    Raises:
        NotFound: there is none of that id.
        Conflict: it runs.
    """
    done = await _run(address, f"id={process_id}; f={_ROOT}/{process_id}\n{_FORGET}")
    if done.exit_code == _BUSY:
        raise Conflict(f"“{process_id}” is running. Stop it first.")
    _check(done)


async def _run(address: GuestAddress, script: str, stdin: bytes = b"", *, limit_bytes: int = 1024 * 1024) -> Completed:
    return await guests().run(address, script, stdin=stdin, timeout_s=_TIMEOUT_S, limit_bytes=limit_bytes)


def _check(done: Completed) -> None:
    if done.exit_code == _ABSENT:
        raise NotFound("That process")
    if done.exit_code or done.timed_out:
        why = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it took too long"]
        raise Unavailable(f"The machine could not do it: {why[0][:200]}.")


def _parsed(said: bytes) -> list[Process]:
    """From fields that each end with a NUL. Whatever makes no sense is left out: the guest is its owner's."""
    fields = said.decode(errors="replace").split("\0")[:-1]
    return [_process(*fields[at : at + _FIELDS]) for at in range(0, len(fields) - _FIELDS + 1, _FIELDS)]


def _process(
    name: str, command: str, cwd: str, began: str, ended: str, how: str, state: str, size: str
) -> Process:  # in the order of _LIST
    return Process(
        id=name,
        command=command.rstrip("\n"),
        cwd=cwd.rstrip("\n"),
        state=state,
        exit_code=_exit_code(how) if state != "running" else None,
        started_at=_moment(began) or datetime.fromtimestamp(0, UTC),
        ended_at=_moment(ended) if state != "running" else None,
        log_bytes=int(size) if _SIZE.fullmatch(size) else 0,
    )


def _exit_code(how: str) -> int | None:
    """From systemd's words: `exited 3`, `killed TERM`, `dumped SEGV`."""
    kind, _, status = how.strip().partition(" ")
    if kind == "exited" and re.fullmatch(r"\d{1,3}", status):
        return int(status)
    number = getattr(signal, f"SIG{status}", None)
    return 128 + int(number) if kind in ("killed", "dumped") and number is not None else None


def _moment(seconds: str) -> datetime | None:
    digits = seconds.strip()
    return datetime.fromtimestamp(int(digits), UTC) if re.fullmatch(r"\d{1,10}", digits) else None


_IN_THE_UNIT = f"""\
keep() {{
    trap '' TERM HUP INT
    before=0
    while dd bs=4096 count=512 >> "$1" 2> /dev/null; do
        size=$(stat -c %s "$1")
        if [ "$size" = "$before" ]; then exit; fi
        before=$size old=$((size - {KEPT_LOG_BYTES + 1024 * 1024}))
        if [ $old -gt 0 ]; then fallocate --punch-hole --offset 0 --length $old "$1" || {{ : > "$1"; before=0; }}; fi
    done
    exec cat > /dev/null
}}
exec > >(keep "$1/log") 2>&1
if [ -s "$1/stdin" ]; then exec < "$1/stdin"; fi
rm -f "$1/stdin"
exec /bin/bash "$1/command"
"""
"""What a unit runs. All it says goes through a pipe, so its log has a bound, however fast and long it talks: the
oldest is punched out of the file, and the bytes after it keep their offsets. A little more is kept than is read, so
that nobody reads the hole. Who keeps the log waits for the last words; one that can't be written (a full disk) ends,
and holds up nobody.
"""
_START = f"""\
f=$root/$id
if systemctl --quiet is-active "pqk-run-$id"; then exit {_BUSY}; fi
rm -rf "$f"
set -- $root/*
if [ $# -ge $most ]; then exit {_FULL}; fi
mkdir -p "$f" && head -c "$length" > "$f/command" && cat > "$f/stdin" && printf '%s\\n' "$cwd" > "$f/cwd" || exit 1
: > "$f/log"
cat > "$f/run" << 'end of run'
{_IN_THE_UNIT}end of run
date +%s > "$f/began"
exec systemd-run --quiet --collect --unit="pqk-run-$id" -p TimeoutStopSec=5 -p StandardInput=null \
  -p StandardOutput=null -p StandardError=null \
  -p "ExecStopPost=/bin/bash -c 'echo \\$EXIT_CODE \\$EXIT_STATUS > $f/how; date +%%s > $f/ended'" \
"""
_LIST = """\
for f in "$@"; do
    if [ ! -e "$f/began" ]; then continue; fi
    id=${f##*/} command='' cwd='' began='' ended='' how='' state=ended size=''
    read -r -d '' -n 4096 command < "$f/command"
    read -r -d '' cwd < "$f/cwd"
    read -r began < "$f/began"
    if [ -e "$f/ended" ]; then
        read -r ended < "$f/ended"; read -r how < "$f/how"
        if [ -e "$f/stopped" ]; then state=stopped; fi
    elif systemctl --quiet is-active "pqk-run-$id"; then
        state=running
    fi
    size=$(stat -c %s "$f/log")
    printf '%s\\0' "$id" "$command" "$cwd" "$began" "$ended" "$how" "$state" "$size"
done
exit 0
"""
_READ = f"""\
if [ ! -e "$log" ]; then exit {_ABSENT}; fi
while :; do
    size=$(stat -c %s "$log")
    if [ "$size" -gt "$offset" ] || [ "$tries" -le 0 ] || [ -e "${{log%/log}}/ended" ]; then break; fi
    tries=$((tries - 1)); sleep 0.2
done
if [ "$offset" -lt 0 ]; then offset=$((size + offset)); fi
first=$((size > kept ? size - kept : 0))
if [ "$offset" -lt "$first" ]; then offset=$first; fi
if [ "$offset" -gt "$size" ]; then offset=$size; fi
echo "$size $offset"
tail -c "+$((offset + 1))" "$log" | head -c "$limit"
"""
_STOP = f"""\
if [ ! -e "$f/began" ]; then exit {_ABSENT}; fi
if [ -e "$f/ended" ]; then exit 0; fi
: > "$f/stopped"
systemctl stop "pqk-run-$id" 2> /dev/null
exit 0
"""
_FORGET = f"""\
if [ ! -e "$f/began" ]; then exit {_ABSENT}; fi
if systemctl --quiet is-active "pqk-run-$id"; then exit {_BUSY}; fi
rm -rf "$f"
"""
