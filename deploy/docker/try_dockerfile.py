"""Run the Dockerfile's own steps in a bare Debian, where there is no Docker: every stage, then the entrypoint.

    sudo python3 -B deploy/docker/try_dockerfile.py [--base base.tar] [--keep]

`base.tar` is a minimal Debian 12 (mmdebstrap --variant=minbase bookworm base.tar), made if none is given. The result
is served on a loopback port until /health and /ready have answered; everything is gone afterwards. A chroot with a
mount and a process namespace stands for the container: what it does not try is the read-only root and the user's
capabilities, and the network is the machine's own. Takes some minutes and 3 GiB.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
_HANDED_ON = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_ABOUT_CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "NPM_CONFIG_CAFILE")
_START_S = 120
_STOP_S = 30


@dataclass
class Stage:
    """A root folder, and what the Dockerfile has said of it so far."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})
    folder: str = "/"
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction with its argument; lines that go on are joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found = [each.partition(" ") for each in joined.splitlines() if each]
    return [(word.upper(), rest.strip()) for word, _, rest in found]


def copied(argument: str) -> tuple[str, list[str], str]:
    """Of a COPY: the stage (empty: the repository), what, and where to."""
    words = shlex.split(argument)
    stage = next((each.removeprefix("--from=") for each in words if each.startswith("--from=")), "")
    *sources, target = [each for each in words if not each.startswith("--")]
    return stage, sources, target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--base", type=Path)
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    asked = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="pequeroku-image-"))
    try:
        stage = _built(place, asked.base or _made_base(place))
        _try(stage)
        return 0
    finally:
        if not asked.keep:
            shutil.rmtree(place, ignore_errors=True)


def _made_base(place: Path) -> Path:
    base = place / "base.tar"
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", str(base)], check=True)
    return base


def _built(place: Path, base: Path) -> Stage:
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for word, argument in instructions(DOCKERFILE.read_text()):
        if word == "FROM":
            name = argument.split(" AS ")[1] if " AS " in argument else "last"
            root = place / name
            root.mkdir()
            subprocess.run(["tar", "-xf", str(base), "-C", str(root), "--numeric-owner"], check=True)
            for each in ("/etc/resolv.conf", "/etc/hosts", _CERTIFICATES):
                (root / each[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(each, root / each[1:])
            stage = stages[name] = Stage(root)
        elif stage is not None:
            _do(stages, stage, word, argument)
    assert stage is not None
    return stage


def _do(stages: dict[str, Stage], stage: Stage, word: str, argument: str) -> None:
    if word == "RUN":
        print(f"RUN {argument[:110]}", flush=True)
        if _inside(stage, ["/bin/sh", "-c", argument]).wait():
            raise SystemExit(f"failed: {argument}")
    elif word == "COPY":
        from_stage, sources, target = copied(argument)
        for source in sources:
            _copy((stages[from_stage].root if from_stage else ROOT) / source.lstrip("/"), stage, target)
    elif word == "ENV":
        stage.env |= dict(each.split("=", 1) for each in shlex.split(argument))
    elif word == "WORKDIR":
        stage.folder = argument
        (stage.root / argument.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        stage.user = argument
    elif word == "ENTRYPOINT":
        stage.entrypoint = json.loads(argument)
    elif word == "CMD":
        stage.command = json.loads(argument)


def _copy(source: Path, stage: Stage, target: str) -> None:
    """A folder's content goes into the target, a file takes its name; as Docker does."""
    goal = stage.root / str(Path(stage.folder, target)).lstrip("/")
    if source.is_dir():
        is_ours = source.is_relative_to(ROOT)  # .dockerignore holds for these alone
        hidden = shutil.ignore_patterns("__pycache__", "external") if is_ours else None
        shutil.copytree(source, goal, symlinks=True, dirs_exist_ok=True, ignore=hidden)
        return
    if target.endswith("/"):
        goal = goal / source.name
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, goal)


def _inside(stage: Stage, command: list[str], **more: str) -> "subprocess.Popen[bytes]":
    kept = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    env = {**kept, **dict.fromkeys(_ABOUT_CERTIFICATES, _CERTIFICATES), **stage.env, **more}
    mounts = 'mount --make-rprivate / && mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" '
    mounts += '&& mount -t tmpfs tmpfs "$1/tmp" && chmod 1777 "$1/tmp" && shift && exec "$@"'
    chroot = ["chroot", f"--userspec={stage.user}:{stage.user}", str(stage.root)]
    entered = [*chroot, "/usr/bin/env", "-i", *(f"{name}={value}" for name, value in env.items())]
    entered += ["/bin/sh", "-c", 'cd "$0" && exec "$@"', stage.folder, *command]
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    return subprocess.Popen([*namespaces, "sh", "-c", mounts, "sh", str(stage.root), *entered])


def _try(stage: Stage) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "SUPERUSER_PASSWORD": "a word for this try"}
    server = _inside(stage, [*stage.entrypoint, *stage.command], **settings)
    try:
        deadline = time.monotonic() + _START_S
        while not _answer(port, "/health"):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the entrypoint did not come to answer")
            time.sleep(0.2)
        for path in ("/ready", "/login/"):
            print(f"GET {path}: {_answer(port, path)[:200]!r}", flush=True)
        if _inside(stage, [*stage.entrypoint, "healthy"], **settings).wait():
            raise SystemExit("the health check fails")
        print("The image's steps work.", flush=True)
    finally:
        _end(server)


def _end(server: "subprocess.Popen[bytes]") -> None:
    """unshare hears no signal while it waits: what it started does, as the container's first process would."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    for pid in children.read_text().split() if children.exists() else ():
        os.kill(int(pid), signal.SIGTERM)
    try:
        print(f"stopped with {server.wait(_STOP_S)}", flush=True)
    except subprocess.TimeoutExpired:
        server.kill()
        raise SystemExit("it did not stop when it was asked to") from None


def _answer(port: int, path: str) -> bytes:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.read()
    except urllib.error.HTTPError as fault:
        raise SystemExit(f"GET {path}: {fault.code} {fault.read()[:300]!r}") from None
    except OSError:
        return b""


if __name__ == "__main__":
    sys.exit(main())
