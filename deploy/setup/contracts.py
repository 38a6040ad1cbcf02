"""The events' contracts in proto/: linted, compared with what was released, and written as Python classes.

`proto/released.json` is what the last change left: an image of the contracts, so that a clone without history can
be compared too. `write` refuses to replace it by one that breaks who reads events.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.setup.console import say
from deploy.setup.machine import ROOT, VENV

_PROTO = ROOT / "proto"
_FOLDER = _PROTO / "oo/events/v1"
_RELEASED = _PROTO / "released.json"
_CLASSES = ROOT / "backend/events/contracts"
_BRANCHES = ("main", "origin/main")


def check() -> list[str]:
    """What is wrong with the contracts, or with what was made of them, in a sentence each."""
    wrong = [*_lint(), *_broken()]
    return wrong or _drifted()


def write() -> list[str]:
    """Write the classes and the image anew, unless that would break who reads events; returns what is in the way."""
    if wrong := [*_lint(), *_broken()]:
        return wrong
    _RELEASED.write_text(_image())
    for path in _CLASSES.glob("*_pb2.py*"):
        path.unlink()
    for name, text in _generated().items():
        (_CLASSES / name).write_text(text)
    return []


def _lint() -> list[str]:
    return _buf("lint") + _buf("format", "--diff", "--exit-code")


def _broken() -> list[str]:
    """Compared with the image, and with main where its history is here."""
    wrong = _buf("breaking", "--against", str(_RELEASED)) if _RELEASED.exists() else []
    with tempfile.TemporaryDirectory(prefix="contracts-") as folder:
        if _main_into(Path(folder)):
            wrong += _buf("breaking", "--against", folder)
    return wrong


def _drifted() -> list[str]:
    wrong = [] if _RELEASED.exists() and _RELEASED.read_text() == _image() else [str(_RELEASED.relative_to(ROOT))]
    wanted = _generated()
    there = {path.name: path.read_text() for path in _CLASSES.glob("*_pb2.py*")}
    differ = [name for name in sorted({*wanted, *there}) if wanted.get(name) != there.get(name)]
    wrong += [f"backend/events/contracts/{name}" for name in differ]
    return [f"{name} is not what proto/ says: run `make contracts`." for name in wrong]


def _generated() -> dict[str, str]:
    """The modules by file name. protoc takes the folder for the package: ours is another."""
    with tempfile.TemporaryDirectory(prefix="contracts-") as folder:
        sources = sorted(str(path) for path in _FOLDER.glob("*.proto"))
        command = [VENV / "bin/protoc", f"--proto_path={_PROTO}", f"--python_out={folder}", f"--pyi_out={folder}"]
        subprocess.run([*command, *sources], check=True, cwd=ROOT)
        return {
            path.name: path.read_text().replace("from oo.events.v1 import", "from backend.events.contracts import")
            for path in Path(folder).rglob("*_pb2.py*")
        }


def _image() -> str:
    with tempfile.TemporaryDirectory(prefix="contracts-") as folder:
        image = Path(folder) / "image.json"
        subprocess.run([VENV / "bin/buf", "build", "--exclude-source-info", "-o", image], check=True, cwd=_PROTO)
        return image.read_text()


def _buf(*arguments: str) -> list[str]:
    done = subprocess.run([VENV / "bin/buf", *arguments], cwd=_PROTO, capture_output=True, text=True, check=False)
    return [f"buf {arguments[0]}: {done.stdout}{done.stderr}".strip()] if done.returncode else []


def _main_into(folder: Path) -> bool:
    """Put the contracts as main has them into a folder. False: no history of it is here, or it has none."""
    for branch in _BRANCHES:
        if archive := _git("archive", "--format=tar", f"{branch}:proto"):
            subprocess.run(["tar", "-x"], input=archive, cwd=folder, check=True)  # Debian 12's tarfile has no filters
            return True
    return False


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        return b""
    return done.stdout if not done.returncode else b""


def main() -> int:
    wrong = write() if sys.argv[1:] == ["write"] else check()
    for each in wrong:
        say(each, err=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
