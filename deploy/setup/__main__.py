"""The targets of the Makefile."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from deploy.setup import steps
from deploy.setup.console import environment, say
from deploy.setup.machine import HOME, ROOT, VENV, Problem, as_root, check_port, check_system, setting
from deploy.setup.serve import serve

_PYTHON = str(VENV / "bin/python")
_NO_TESTS = 5  # pytest's word for it
_PROVIDER = ("OPENAI_API_KEY", "OPENAI_API_URL", "OPENAI_MODEL")


def run() -> int:
    """Make whatever is missing, and serve."""
    started = time.monotonic()
    host, port = setting("HOST", "127.0.0.1"), _port()
    check_port(host, port)
    with _alone():
        steps.machine()
        node_uri = steps.libvirtd()
        notice = steps.database(node_uri)
    return serve(host, port, image_dir=str(steps.guest_image()), node_uri=node_uri, notice=notice, started=started)


def test() -> int:
    """Make whatever is missing, and run every test."""
    with _alone():
        steps.machine(tests=True)
    image = str(steps.guest_image())
    tests = (_PYTHON, "-m", "pytest", *_more_arguments())
    at_once = ("-n", "auto")
    by_file = (*at_once, "--dist", "loadfile")  # a worker keeps its server, or its libvirtd, for the whole of a file
    codes = {
        _call(*tests, "-m", "not vm and not browser and not slow", *at_once, IMAGE_DIR=image),
        _call(*tests, "-m", "browser and not vm", *by_file, IMAGE_DIR=image),
    }
    if os.geteuid() == 0:
        codes.add(_call(*tests, "-m", "vm", *by_file, IMAGE_DIR=image))
    else:  # network namespaces and a libvirtd of the tests' own need root
        codes.add(_call_as_root(*tests, "-m", "vm", *by_file, "-p", "no:cacheprovider", IMAGE_DIR=image))
    failed = codes - {0, _NO_TESTS}
    return max(failed) if failed else min(codes)  # ARGS may name tests of one kind alone


def check() -> int:
    """Run every check of the code, and fail if any of them fails."""
    with _alone():
        steps.tools()
    checks = (
        (_PYTHON, "-m", "ruff", "check"),
        (_PYTHON, "-m", "ruff", "format", "--check"),
        ("pyright",),
        (str(VENV / "bin/lint-imports"),),
        (str(VENV / "bin/hadolint"), "deploy/Dockerfile"),
        (str(VENV / "bin/check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"),
        (_PYTHON, "-m", "deploy.setup.contracts"),
        (_PYTHON, "-m", "pytest", "-q", "tests/architecture"),
    )
    failed = [command for command in checks if _call(*command)]
    return 1 if failed else 0


def bench() -> int:
    """Measure."""
    with _alone():
        steps.machine(tests=True)
    measure = (_PYTHON, "-m", "tests.bench")
    image, asked = str(steps.guest_image()), _more_arguments()
    if os.geteuid() == 0:
        return _call(*measure, *asked, IMAGE_DIR=image)
    ordinary = [part for part in asked or ("reconcile", "pages") if part != "machines"]
    missed = _call(*measure, *ordinary, IMAGE_DIR=image) if ordinary else 0
    return _call_as_root(*measure, "machines", IMAGE_DIR=image) if not asked or "machines" in asked else missed


def bench_models() -> int:
    """Compare models for the words of tips."""
    with _alone():
        steps.machine(tests=True)
    return _call(_PYTHON, "-m", "tests.bench", "models", *_more_arguments())


def agent_eval() -> int:
    """Let the assistant do chores in a real machine, and score them."""
    with _alone():
        steps.machine(tests=True)
    evaluate, env = (_PYTHON, "-m", "tests.agent_eval", *_more_arguments()), {"IMAGE_DIR": str(steps.guest_image())}
    if os.geteuid() == 0:
        return _call(*evaluate, **env)
    return _call_as_root(*evaluate, secrets=[name for name in _PROVIDER if name in os.environ], **env)


def tips_eval() -> int:
    """Let the tips' policy learn from made-up people, and check those who judge it."""
    with _alone():
        steps.machine(tests=True)
    evaluate = (_PYTHON, "-m", "tests.tips_eval", *_more_arguments())
    return _call(*evaluate, OPENBLAS_NUM_THREADS="1")  # its matrices are small: processes share the cores better


def contracts() -> int:
    """Write the events' classes anew from proto/."""
    with _alone():
        steps.tools()
    return _call(_PYTHON, "-m", "deploy.setup.contracts", "write")


def image() -> int:
    """Build the guest image."""
    with _alone():
        steps.packages.install(steps.packages.IMAGE + steps.packages.MACHINES)
        say(f"  The guest image is in {steps.guest_image()}.")
    return 0


def stop() -> int:
    """End our libvirtd and its virtual machines."""
    steps.stop_libvirtd()
    return 0


def lock() -> int:
    """Write requirements.txt anew."""
    steps.packages.install(steps.packages.BUILD)
    steps.lock()
    return 0


_TARGETS: dict[str, Callable[[], int]] = {
    each.__name__.replace("_", "-"): each
    for each in (run, test, check, bench, bench_models, agent_eval, tips_eval, contracts, image, stop, lock)
}


def main() -> int:
    target = _TARGETS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if target is None:
        say(f"Usage: python3 -m deploy.setup {'|'.join(_TARGETS)}", err=True)
        return 2
    try:
        check_system()
        return target()
    except Problem as problem:
        say(f"\n{problem}", err=True)
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted.", err=True)
        return 130


def _port() -> int:
    given = setting("PORT", "8000")
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise Problem(f"PORT is “{given}”; it must be a number from 1 to 65535.")
    return int(given)


@contextmanager
def _alone() -> Generator[None]:
    """Two setups of one checkout would step on each other: the second waits for the first."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  … waiting for another setup of this checkout")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _call(*command: str, **env: str) -> int:
    say(f"\n$ {' '.join(command)}")
    return subprocess.run(command, cwd=ROOT, env=environment(**env), check=False).returncode


def _call_as_root(*command: str, secrets: Sequence[str] = (), **env: str) -> int:
    here = environment(**env)
    kept = {name: here[name] for name in ("PATH", "LANG", "CI", *env) if name in here}
    return _call(*as_root(*command, environment=kept, secrets=secrets))


def _more_arguments() -> list[str]:
    """What follows the target, or stands in ARGS: `make test ARGS="-k power"`."""
    return sys.argv[2:] + os.environ.get("ARGS", "").split()


if __name__ == "__main__":
    sys.exit(main())
