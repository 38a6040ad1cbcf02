"""What the assistant may do by itself, and what needs a click. Pure.

No pattern can know what a program will do: these hold back what is plainly meant to destroy or to reach out, so that
a person looks first. What the assistant can do at all is bounded elsewhere, by the person's own rights.
"""

import re
import shlex
from enum import StrEnum
from pathlib import PurePosixPath

_HOME = "/app"


class Mode(StrEnum):
    """How much a person lets the assistant do without a click."""

    ASK = "ask"
    AUTO_EDIT = "auto-edit"
    FULL = "full"


class Risk(StrEnum):
    """What a tool call can do, from harmless on."""

    LOOK = "look"
    EDIT = "edit"  # files under /app, which the turn's checkpoint gives back
    RUN = "run"  # anything that a program can do inside
    DANGER = "danger"  # destroys, or reaches out of the machine


_FREE: dict[Mode, frozenset[Risk]] = {
    Mode.ASK: frozenset({Risk.LOOK}),
    Mode.AUTO_EDIT: frozenset({Risk.LOOK, Risk.EDIT}),
    Mode.FULL: frozenset({Risk.LOOK, Risk.EDIT, Risk.RUN}),
}


def needs_click(mode: Mode, risk: Risk) -> bool:
    """Whether a person has to let it go on."""
    return risk not in _FREE[mode]


_DESTROYS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), why)
    for pattern, why in (
        (r"\brm\b.*\s-\w*[rR]|\brm\b.*--recursive", "it deletes a folder with all that is in it"),
        (r"\bfind\b.*(-delete|-exec(dir)?\s+(\S*/)?(rm|shred|truncate))", "it deletes what it finds"),
        (r"\b(mkfs(\.\w+)?|wipefs|fdisk|sfdisk|parted|blkdiscard|shred|mkswap)\b", "it erases or partitions a disk"),
        (r"\bdd\b.*\bof=", "it writes to a device or over a file"),
        (r">\s*/dev/(vd|sd|nvme|hd)", "it writes to a disk past its file system"),
        (r"\b(shutdown|poweroff|halt|reboot|kexec)\b|\binit\s+[06]\b", "it switches the machine off"),
        (r"\bsystemctl\b.*\b(stop|disable|mask|kill|isolate|poweroff|reboot|halt)\b", "it ends a service"),
        (r"\b(kill|pkill|killall)\b.*(-9|-KILL|-SIGKILL)", "it kills processes"),
        (r"\bkill\b.*\s-1(\s|$)", "it kills processes"),
        (r"\bgit\b.*\b(push|reset\s+--hard|clean\s+-\w*f|filter-branch|checkout\s+--\s)", "it loses or publishes work"),
        (r"\bgit\b.*\bbranch\s+-\w*D", "it loses work"),
        (r"(?i)\b(DROP|TRUNCATE)\s+(TABLE|DATABASE|SCHEMA)\b|\bdropdb\b", "it deletes from a database"),
        (r"(?i)\bDELETE\s+FROM\b(?!.*\bWHERE\b)", "it deletes from a database"),
        (r"\b(chmod|chown|chgrp)\b.*\s-\w*R|\b(chmod|chown|chgrp)\b.*--recursive", "it changes rights all over"),
        (r"\b(userdel|groupdel|passwd|chpasswd|usermod|visudo)\b", "it changes who may sign in"),
        (r"\b(crontab|at)\b\s+(-|now|\S)", "it makes something happen later"),
        (r"\b(apt|apt-get|dpkg|aptitude)\b.*\b(remove|purge|autoremove|-P|-r)\b", "it removes packages"),
        (r"\b(iptables|nft|ip6tables|ufw)\b", "it changes the firewall"),
        (r":\(\)\s*\{", "it multiplies without end"),
    )
)
_REACHES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), why)
    for pattern, why in (
        (r"\b(curl|wget|http|https|xh)\b", "it speaks to another machine"),
        (r"\b(ssh|scp|sftp|rsync|nc|ncat|netcat|socat|telnet|ftp)\b", "it speaks to another machine"),
        (r"\bgit\b.*\b(clone|fetch|pull|remote\s+(add|set-url)|submodule)\b", "it speaks to another machine"),
        (r"/dev/(tcp|udp)/", "it speaks to another machine"),
        (r"\b(npm|pnpm|yarn)\b.*\bpublish\b|\btwine\b|\bcargo\b.*\bpublish\b", "it publishes something"),
        (r"\b(docker|podman)\b.*\b(push|login)\b", "it publishes something"),
        (r"\b(mail|sendmail|mutt|msmtp)\b", "it sends mail"),
    )
)
_LOCAL = re.compile(
    r"^\w+://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?(/|$)|^(localhost|127(\.\d{1,3}){3})(:\d+)?(/|$)"
)
_HIDES = re.compile(r"\b(base64|xxd|openssl)\b.*\|\s*(ba|da|z)?sh\b|\beval\b|\|\s*(sudo\s+)?(ba|da|z)?sh\b")
_SYSTEM = (
    "/etc",
    "/boot",
    "/usr",
    "/lib",
    "/bin",
    "/sbin",
    "/root/.ssh",
    "/proc",
    "/sys",
    "/dev",
    "/var/lib/pequeroku",
)
_WRITES = re.compile(
    r"(?:^|[^>])>{1,2}\s*([^\s;&|<>]+)|\b(?:tee|cp|mv|ln|install|touch|truncate|curl|wget|sed\s+-i\S*)\b([^;&|]*)"
)


def risk_of_command(command: str) -> tuple[Risk, str]:
    """What a shell command can do, and, where that is dangerous, why."""
    plain = re.sub(r"\s+", " ", command.replace("\\\n", " "))
    for text in {plain, _without_quotes(plain)}:
        for pattern, why in _DESTROYS:
            if pattern.search(text):
                return Risk.DANGER, why
        if _HIDES.search(text):
            return Risk.DANGER, "it hides what it runs"
        for pattern, why in _REACHES:
            if pattern.search(text) and not _stays_inside(text):
                return Risk.DANGER, why
    if (path := _system_path_written(plain)) is not None:
        return Risk.DANGER, f"it writes to {path}"
    return Risk.RUN, ""


def risk_of_path(path: str) -> tuple[Risk, str]:
    """What writing there can do."""
    clean = PurePosixPath(path)
    if ".." in clean.parts or not clean.is_relative_to(_HOME):
        return Risk.DANGER, f"it is outside {_HOME}"
    if ".git" in clean.parts and clean.name != ".gitignore":
        return Risk.DANGER, "it changes what git keeps"
    return Risk.EDIT, ""


def _without_quotes(text: str) -> str:
    """So that `r\\m` and `'rm'` are what the shell makes of them."""
    return re.sub(r"['\"\\]", "", text)


def _stays_inside(text: str) -> bool:
    """Whether every address in it is the machine's own loopback: asking one's own service is no reaching out."""
    try:
        words = shlex.split(text)
    except ValueError:
        return False
    if not words or PurePosixPath(words[0]).name != "curl" or re.search(r"[;&|`$<>]", text):
        return False
    addresses = [each for each in words[1:] if "://" in each or re.match(r"^[\w.\-\[\]:]+(:\d+|/)", each)]
    return bool(addresses) and all(map(_LOCAL.match, addresses)) and not any(map(_ELSEWHERE.match, words[1:]))


_ELSEWHERE = re.compile(r"--(proxy|config|connect-to|resolve|location|input-file|url)|-[A-Za-z]*[xKL]")
"""Options that send curl on to what does not stand on the line."""


def _system_path_written(text: str) -> str | None:
    for target, words in _WRITES.findall(text):
        for word in [target, *words.split()]:
            path = word.strip("'\"")
            if any(path == each or path.startswith(f"{each}/") for each in _SYSTEM) and path not in _HARMLESS:
                return path
    return None


_HARMLESS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})
