"""The person's own OpenSSH, led to the gateway: it knows the gateway's key from us, and asks nothing."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

from pequeroku.errors import PequerokuError

_ALIAS = "pequeroku"
_LOST = 255
"""How `ssh` itself ends where there is no session."""
_OPTIONS = {
    "StrictHostKeyChecking": "yes",
    "HostKeyAlias": _ALIAS,
    "HostKeyAlgorithms": "ssh-ed25519",
    "GlobalKnownHostsFile": "/dev/null",
    "UpdateHostKeys": "no",
    "CheckHostIP": "no",
    "VerifyHostKeyDNS": "no",
    "PubkeyAuthentication": "yes",
    "PreferredAuthentications": "publickey",
    "ControlPath": "none",
    "RemoteCommand": "none",
    "PermitLocalCommand": "no",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "Tunnel": "no",
}
"""Over whatever stands in the person's own configuration. Which keys to offer, and by which way, is theirs to say."""


def program(name: str) -> str:
    """Where `ssh` or `scp` is.

    Raises:
        PequerokuError: nowhere.
    """
    path = shutil.which(name)
    if path is None:
        raise PequerokuError(f"There is no {name} here. Install OpenSSH.")
    return path


def options(gateway: Mapping[str, Any], folder: Path) -> list[str]:
    """What OpenSSH is told of a gateway. The key that it shows has to be the one that the API speaks of.

    Raises:
        PequerokuError: this server has none.
    """
    if not gateway.get("port"):
        raise PequerokuError("This server has no SSH gateway.")
    line = f"{_ALIAS} {gateway['known_hosts'].partition(' ')[2]}\n"
    known = folder / f"pequeroku-known-hosts-{sha256(line.encode()).hexdigest()[:12]}"
    if not known.exists() or known.read_text() != line:
        folder.mkdir(parents=True, exist_ok=True)
        ours = known.with_name(f"{known.name}.{os.getpid()}")
        ours.write_text(line)
        ours.replace(known)  # whole, for whoever reads it meanwhile
    path = str(known).replace("%", "%%")
    told = {**_OPTIONS, "UserKnownHostsFile": f'"{path}"', "Port": str(gateway["port"])}
    return [word for name, value in told.items() for word in ("-o", f"{name}={value}")]


def handed_over(words: Sequence[str]) -> int:
    """Run it in our place; its exit code. What would end us ends it: 128 + n then, whatever it says of it itself."""
    signals = list[int]()
    with subprocess.Popen(list(words)) as child:

        def pass_on(number: int, _frame: FrameType | None) -> None:
            signals.append(number)
            child.send_signal(number)

        before = {each: signal.signal(each, pass_on) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            code = child.wait()
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
    if signals:
        return 128 + signals[-1]
    return 128 - code if code < 0 else code


def was_not_let_in(code: int) -> bool:
    """Whether it may be that the gateway knows no key of theirs."""
    return code == _LOST
