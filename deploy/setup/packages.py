"""The Debian packages we need, and why."""

import subprocess

from deploy.setup.console import Step
from deploy.setup.machine import Problem, as_root

BUILD = (
    "python3-venv",
    "python3-dev",
    "gcc",
    "libc6-dev",
    "pkg-config",
    "libvirt-dev",  # libvirt-python is compiled against it
)
MACHINES = (
    "libvirt-daemon-system",
    "libvirt-clients",
    "qemu-system-x86",
    "qemu-utils",
    "dnsmasq-base",  # libvirt's network driver looks for it, though our network needs none
    "iptables",
    "iproute2",
)
IMAGE = ("mmdebstrap", "e2fsprogs", "lz4")
TESTS = (
    "chromium",
    "postgresql",
    "redis-server",
    "nats-server",
    "dtach",
    "curl",  # the examples of docs/api.md are run
    "openssh-client",  # people's own ways into a machine
    "git",
    "rsync",
)

RUN = BUILD + MACHINES + IMAGE
_OFFLINE = ("Could not resolve", "Temporary failure", "Could not connect", "Failed to fetch", "Network is unreachable")


def install(wanted: tuple[str, ...]) -> None:
    """Install those of the wanted packages that are missing; nothing is upgraded."""
    missing = _missing(wanted)
    if not missing:
        return
    with Step("packages", f"Installing Debian packages: {' '.join(missing)}") as step:
        try:
            step.run(*_apt("update", "-o", "APT::Update::Error-Mode=any"))
            step.run(*_apt("install", "--yes", "--no-install-recommends", *missing))
        except Problem:
            if any(sign in step.printed() for sign in _OFFLINE):
                raise Problem(
                    f"Debian's package mirror cannot be reached: is there a network? See {step.log}."
                ) from None
            raise


def _missing(wanted: tuple[str, ...]) -> list[str]:
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *wanted]
    listing = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    installed = {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def _apt(*arguments: str) -> list[str]:
    quiet = ["--quiet", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]
    return as_root("apt-get", *quiet, *arguments, environment={"DEBIAN_FRONTEND": "noninteractive"})
