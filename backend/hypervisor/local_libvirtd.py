"""A private libvirtd for this machine: started, stopped and asked about without systemd.

    python -m backend.hypervisor.local_libvirtd start|stop|status --dir DIR [--owner USER] [--netns NAME]

It lives in a mount namespace of its own, in which folders of DIR stand in the places that libvirt knows
(/etc/libvirt, /var/lib/libvirt, …), so that the machine's own libvirt, if there is one, stays as it is. It and its
machines outlive whoever started it. Needs root; imports the standard library alone, since sudo runs it.

Whoever may open its socket is as powerful as root: `--owner` names the one user who may.
"""

import argparse
import ctypes
import errno
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

_FOLDERS = {
    "etc": "/etc/libvirt",
    "lib": "/var/lib/libvirt",
    "run": "/run/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "lock": "/run/lock",
}
_QEMU_USER = "libvirt-qemu"
_START_S = 60.0
_STOP_S = 20.0
_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_PR_SET_CHILD_SUBREAPER = 36


class LocalLibvirtdError(Exception):
    """It could not be started or stopped; the sentence says why."""


@dataclass(frozen=True, slots=True)
class _Home:
    """The folder of one libvirtd."""

    root: Path

    @property
    def socket(self) -> Path:
        return self.root / "run" / "libvirt-sock"

    @property
    def pidfile(self) -> Path:
        return self.root / "libvirtd.pid"

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self.socket}"

    @property
    def pid(self) -> int | None:
        """The pid of the libvirtd that runs, if one does. A pid that was reused by another program does not count."""
        with suppress(OSError, ValueError):
            pid = int(self.pidfile.read_text())
            if str(self.pidfile) in _cmdline(pid):
                return pid
        return None


def start(folder: Path, *, owner: str = "", netns: str = "") -> str:
    """Start it, unless it runs already; return its libvirt URI when it answers.

    Raises:
        LocalLibvirtdError: not root, libvirt is not installed, or it did not come up.
    """
    home = _Home(folder.absolute())
    if home.pid and _answers(home.socket):
        _give(home.socket, owner)
        return home.uri
    _check_possible(home)
    _write_configuration(home)
    home.socket.unlink(missing_ok=True)  # left by one that was killed: the next would not bind
    command = [sys.executable, "-I", str(Path(__file__).absolute()), "_serve", "--dir", str(home.root)]
    with (home.root / "log" / "start.log").open("ab") as log:
        subprocess.run([*command, "--netns", netns], stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)
    if not _until(lambda: _answers(home.socket), _START_S):
        raise LocalLibvirtdError(f"libvirtd did not come up within {_START_S:.0f} s; see {home.root}/log.")
    _give(home.socket, owner)
    return home.uri


def stop(folder: Path, *, with_machines: bool = False) -> None:
    """End it by its pid. Its machines go on, unless they are to end too; the next start finds them again."""
    home = _Home(folder.absolute())
    if with_machines and home.pid and shutil.which("virsh"):  # or its bridge and firewall rules would stay behind
        command = ["virsh", "-q", "-c", home.uri, "net-destroy", "pequeroku"]
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, check=False, capture_output=True, timeout=10)
    if pid := home.pid:
        _end(pid, lambda: home.pid != pid)
    if with_machines:
        for pidfile in (home.root / "run" / "qemu").glob("*.pid"):
            _end_machine(pidfile)


def status(folder: Path) -> str:
    """Its URI when it runs and answers, else nothing."""
    home = _Home(folder.absolute())
    return home.uri if home.pid and _answers(home.socket) else ""


def _check_possible(home: _Home) -> None:
    if os.geteuid() != 0:
        raise LocalLibvirtdError("Starting libvirtd needs root: run it with sudo.")
    if not _libvirtd():
        raise LocalLibvirtdError("libvirtd is not installed (Debian: libvirt-daemon-system, qemu-system-x86).")
    if len(str(home.socket)) > 100:
        raise LocalLibvirtdError(f"The path {home.root} is too long for a socket in it; choose a shorter one.")


def _libvirtd() -> str | None:
    return shutil.which("libvirtd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _write_configuration(home: _Home) -> None:
    shutil.rmtree(home.root / "lock", ignore_errors=True)  # they hold pids, which may be other programs' by now
    for name in _FOLDERS:
        (home.root / name).mkdir(parents=True, exist_ok=True)
        (home.root / name).chmod(0o755)
    for nested in ("etc/qemu", "lib/images", "lib/dnsmasq", "log/qemu"):  # the last two a package brings, not libvirtd
        (home.root / nested).mkdir(exist_ok=True)
    identity = home.root / "uuid"
    if not identity.exists():
        identity.write_text(f"{uuid4()}\n")
    (home.root / "etc" / "libvirtd.conf").write_text(
        f'host_uuid = "{identity.read_text().strip()}"\n'
        'unix_sock_rw_perms = "0700"\nunix_sock_ro_perms = "0700"\n'
        'auth_unix_rw = "none"\nauth_unix_ro = "none"\n'
        "max_clients = 500\nmax_workers = 40\nmax_client_requests = 20\n"
        "keepalive_interval = 5\nkeepalive_count = 3\n"
        'log_outputs = "3:file:/var/log/libvirt/libvirtd.log"\n'
    )
    confined = _apparmor_is_on()
    (home.root / "etc" / "qemu.conf").write_text(
        f'user = "{_QEMU_USER}"\ngroup = "{_QEMU_USER}"\n'
        'stdio_handler = "file"\nseccomp_sandbox = 1\n'
        + ("" if confined else 'security_driver = "none"\n')
        + ("namespaces = []\n" if _is_chroot() else "")
    )


def _is_chroot() -> bool:
    """Whether `/` is a folder of a larger system.

    libvirt enters a machine's mount namespace at the root of that system, and would make the devices of the machine's
    private /dev there. So in a chroot machines share ours.
    """
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return not any(each.split()[4] == "/" for each in mounts)


def _apparmor_is_on() -> bool:
    """Its profiles name the paths inside our namespace, so that they hold for us too."""
    with suppress(OSError):
        return Path("/sys/module/apparmor/parameters/enabled").read_text().strip() == "Y" and os.path.isdir(
            "/etc/apparmor.d/libvirt"
        )
    return False


def _give(path: Path, owner: str) -> None:
    if owner:
        user = pwd.getpwnam(owner)
        if path.stat().st_uid != user.pw_uid:
            os.chown(path, user.pw_uid, user.pw_gid)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.settimeout(2)
        probe.connect(str(path))
        return True
    return False


def _until(done: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _cmdline(pid: int) -> str:
    """Empty for one that is gone, or a zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _end(pid: int, ended: Callable[[], bool]) -> None:
    for number in (signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if number != signal.SIGCONT and _until(ended, _STOP_S):
            return
    raise LocalLibvirtdError(f"Process {pid} does not end.")


def _end_machine(pidfile: Path) -> None:
    with suppress(OSError, ValueError):
        pid = int(pidfile.read_text())
        if f"guest={pidfile.stem}," in _cmdline(pid):
            _end(pid, lambda: not _cmdline(pid))


# What follows runs in a process of its own: it enters the namespaces, and then reaps for libvirtd.


def _serve(home: _Home, netns: str) -> None:
    """Become the parent of libvirtd and its machines.

    QEMU makes itself a daemon; where PID 1 reaps slowly libvirt would wait for seconds at every stop. So we are the
    subreaper, and stay for as long as any of them lives.
    """
    if os.fork():
        return
    os.setsid()
    if netns:
        _enter_netns(netns)
    _enter_mounts(home, fresh_sysfs=bool(netns))
    _libc("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    program = _libvirtd() or "libvirtd"
    if os.fork() == 0:
        arguments = [program, "--config", "/etc/libvirt/libvirtd.conf", "--pid-file", str(home.pidfile)]
        os.execv(program, arguments)  # noqa: S606
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _enter_netns(name: str) -> None:
    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
    _libc("setns", descriptor, _CLONE_NEWNET)
    os.close(descriptor)


def _enter_mounts(home: _Home, *, fresh_sysfs: bool) -> None:
    _libc("unshare", _CLONE_NEWNS)
    try:
        _mount("none", "/", _MS_REC | _MS_PRIVATE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _make_root_a_mount(home)
    if fresh_sysfs:
        _see_own_links(home)
    for name, place in _FOLDERS.items():
        Path(place).mkdir(parents=True, exist_ok=True)
        _mount(str(home.root / name), place, _MS_BIND | _MS_REC)
    _let_qemu_open_kvm(home)


def _let_qemu_open_kvm(home: _Home) -> None:
    """Give QEMU's group /dev/kvm, inside this namespace alone.

    Where only root may open it, libvirtd (root) sees it and QEMU (not root) can't use it; libvirt then takes its own
    memory of QEMU's abilities for stale and probes QEMU anew, for seconds, before every start of a machine.
    """
    device = Path("/dev/kvm")
    if not device.is_char_device():
        return
    node = home.root / "kvm"
    node.unlink(missing_ok=True)
    os.mknod(node, stat.S_IFCHR | 0o660, device.stat().st_rdev)
    os.chmod(node, 0o660)
    os.chown(node, 0, grp.getgrnam("kvm").gr_gid)
    _mount(str(node), str(device), _MS_BIND)


def _make_root_a_mount(home: _Home) -> None:
    """In a chroot the root is no mount point, and neither we nor QEMU's sandbox could make mounts private."""
    root = home.root / "root"
    root.mkdir(exist_ok=True)
    _mount("/", str(root), _MS_BIND | _MS_REC)
    _mount("none", str(root), _MS_REC | _MS_PRIVATE)
    os.chroot(root)
    os.chdir("/")


def _see_own_links(home: _Home) -> None:
    """/sys shows the network links of the namespace it was mounted in; the cgroups under it stay as they are."""
    kept = home.root / "cgroup"
    kept.mkdir(exist_ok=True)
    cgroups = Path("/sys/fs/cgroup")
    had_cgroups = cgroups.is_dir() and any(cgroups.iterdir())
    if had_cgroups:
        _mount(str(cgroups), str(kept), _MS_BIND | _MS_REC)
    _mount("sysfs", "/sys", 0, kind="sysfs")
    if had_cgroups:
        _mount(str(kept), str(cgroups), _MS_BIND | _MS_REC)


def _mount(source: str, target: str, flags: int, *, kind: str = "") -> None:
    _libc("mount", source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), None)


def _libc(name: str, *arguments: object) -> None:
    """Call a function of the C library (Python 3.11 has none of these), and raise OSError like os does."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def main() -> int:
    parser = argparse.ArgumentParser(description="A private libvirtd for this machine.")
    parser.add_argument("verb", choices=["start", "stop", "status", "_serve"])
    parser.add_argument("--dir", type=Path, required=True, help="folder for its state")
    parser.add_argument("--owner", default="", help="the user who may open its socket (root's otherwise)")
    parser.add_argument("--netns", default="", help="an existing network namespace to run in")
    parser.add_argument("--with-machines", action="store_true", help="stop: end its machines as well")
    asked = parser.parse_args()
    if asked.netns and not re.fullmatch(r"[\w.-]+", asked.netns):
        parser.error("--netns takes a name out of `ip netns`")
    try:
        if asked.verb == "_serve":
            _serve(_Home(asked.dir), asked.netns)
        elif asked.verb == "start":
            print(start(asked.dir, owner=asked.owner, netns=asked.netns))
        elif asked.verb == "stop":
            stop(asked.dir, with_machines=asked.with_machines)
        else:
            uri = status(asked.dir)
            print(uri or "not running")
            return 0 if uri else 3
    except LocalLibvirtdError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
