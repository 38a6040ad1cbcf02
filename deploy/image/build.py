#!/usr/bin/env python3
"""Build the guest image from Debian's packages.

    build.py --out DIR [--cache DIR]   build base.qcow2, vmlinux, initrd.img and manifest.json into DIR (as root)
    build.py --key                     print the content key: it changes when anything next to this script does

The disks of users are overlays on base.qcow2, so a finished DIR is never changed: a new key wants a new DIR.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITE = "bookworm"
KERNEL_PACKAGE = "linux-image-cloud-amd64"
DISK_GIB = 4
SPACE_NEEDED_GIB = 4
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "qemu-img": "qemu-utils",
    "lz4": "lz4",
    "dpkg-deb": "dpkg",
}
CACHE_DAYS = 7
"""A cached system older than this is made anew, so that a rebuild brings Debian's security updates."""

INITRD_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "virtio_net", "virtio-rng")
INITRD_APPLETS = ("sh", "mount", "modprobe", "switch_root", "usleep", "poweroff")

CMDLINE = (
    "quiet panic=-1 net.ifnames=0 cryptomgr.notests random.trust_cpu=on init_on_alloc=0"
    " console=ttyS0 systemd.unit=pequeroku-boot.target"
)

FETCH_HOOK = """set -e
cd "{loose}"
kernel=$(apt-cache depends --important {package} |
    sed -n 's/.*Depends: \\(linux-image-[0-9][^ ]*\\).*/\\1/p' | head -n 1)
apt-get --quiet=2 -o APT::Sandbox::User=root download "$kernel" busybox-static
"""


class BuildError(Exception):
    """Why there is no image, in one line for the person who asked."""


def main() -> int:
    arguments = _arguments()
    key = content_key()
    if arguments.key:
        print(key)
        return 0
    try:
        build(arguments.out.absolute(), arguments.cache and arguments.cache.absolute(), key)
    except BuildError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    return 0


def content_key() -> str:
    """Hash everything that decides what the image holds, apart from the versions Debian serves that day."""
    digest = hashlib.sha256()
    sources = [Path(__file__), HERE / "packages.txt", HERE / "units.txt"]
    for tree in ("initrd", "rootfs"):
        sources += [path for path in (HERE / tree).rglob("*") if path.is_symlink() or path.is_file()]
    for path in sorted(sources):
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        mode = "x" if os.access(path, os.X_OK) else "-"
        digest.update(f"{path.resolve().relative_to(HERE)} {mode} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def build(out: Path, cache: Path | None, key: str) -> None:
    """Leave a complete image in `out`, or leave `out` as it was."""
    if _version_in(out) == key:
        print(f"image {key} is in {out} already", flush=True)
        return
    if out.exists() and any(out.iterdir()):
        raise BuildError(f"{out} holds something else, and disks may depend on it: choose another directory")
    _check_host(out)
    started = time.monotonic()
    with _workspace(out) as work:
        result = work / "result"
        result.mkdir()
        root, loose = _debian(work, cache)
        with _step("kernel and initrd"):
            version = _install_kernel(root, loose, result / "vmlinux")
            _make_initrd(root / "lib/modules" / version, loose, result / "initrd.img")
        with _step("our files"):
            _copy_rootfs(root)
            _set_up_units(root)
            _anonymise(root)
            packages = _package_versions(root) | {"linux": version}
        with _step("disk"):
            _make_disk(root, work / "disk.raw", result / "base.qcow2")
        _write_manifest(result / "manifest.json", key, packages)
        if out.exists():
            out.rmdir()
        result.rename(out)
    print(f"image {key} is in {out}: {time.monotonic() - started:.0f} s", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build the guest image from Debian's packages.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, help="the directory to make")
    what.add_argument("--key", action="store_true", help="print the content key and stop")
    parser.add_argument("--cache", type=Path, help="keep Debian's part here, for quick rebuilds")
    return parser.parse_args()


def _version_in(out: Path) -> str | None:
    try:
        return json.loads((out / "manifest.json").read_text())["version"]
    except (OSError, ValueError, KeyError):
        return None


def _check_host(out: Path) -> None:
    if os.geteuid() != 0:
        raise BuildError("run it as root: the files of the guest belong to its root")
    missing = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool, path=_path())})
    if missing:
        raise BuildError(f"install these Debian packages first: {' '.join(missing)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    free_gib = shutil.disk_usage(out.parent).free / 2**30
    if free_gib < SPACE_NEEDED_GIB:
        raise BuildError(f"{out.parent} has {free_gib:.1f} GiB free, the build needs {SPACE_NEEDED_GIB}")


@contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    """Yield a directory on the same file system as `out`, and remove it whatever happens."""
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    work.chmod(0o755)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _step(name: str) -> Iterator[None]:
    started = time.monotonic()
    print(f"image: {name} ...", flush=True)
    yield
    print(f"image: {name}: {time.monotonic() - started:.1f} s", flush=True)


def _debian(work: Path, cache: Path | None) -> tuple[Path, Path]:
    """Return the unpacked system and the directory of loose packages (kernel, busybox) that are not installed in it."""
    root, loose = work / "root", work / "loose"
    saved = cache and cache / f"debian-{_debian_key()}.tar"
    if saved and saved.exists() and time.time() - saved.stat().st_mtime < CACHE_DAYS * 86400:
        with _step("Debian from the cache"):
            _run("tar", "--extract", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-f", saved, "-C", work)
        return root, loose
    root.mkdir()
    loose.mkdir()
    with _step("Debian from its mirror"):
        _mmdebstrap(root, loose)
    if saved:
        with _step("Debian into the cache"):
            saved.parent.mkdir(parents=True, exist_ok=True)
            part = saved.with_suffix(".part")
            _run("tar", "--create", "--numeric-owner", "--xattrs", "-f", part, "-C", work, "root", "loose")
            part.rename(saved)
    return root, loose


def _debian_key() -> str:
    return hashlib.sha256("\n".join([SUITE, KERNEL_PACKAGE, FETCH_HOOK, *_packages()]).encode()).hexdigest()[:16]


def _packages() -> list[str]:
    return _words(HERE / "packages.txt")


def _words(path: Path) -> list[str]:
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def _mmdebstrap(root: Path, loose: Path) -> None:
    no_docs = ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/locale/*")
    _run(
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--format=directory",
        "--variant=minbase",
        f"--include={','.join(_packages())}",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt={option}" for option in no_docs),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f"--customize-hook={FETCH_HOOK.format(loose=loose, package=KERNEL_PACKAGE)}",
        SUITE,
        root,
    )


def _install_kernel(root: Path, loose: Path, vmlinux: Path) -> str:
    """Put the modules into the guest and the kernel itself beside the disk. Return the kernel's version.

    The host boots the guest's kernel directly: it comes with the image, and apt in the guest does not know of it.
    """
    for package in loose.glob("*.deb"):
        _run("dpkg-deb", "--extract", package, loose)
    bzimage = next((loose / "boot").glob("vmlinuz-*"))
    version = bzimage.name.removeprefix("vmlinuz-")
    shutil.copytree(loose / "lib/modules" / version, root / "lib/modules" / version, symlinks=True)
    _run("chroot", root, "depmod", version)
    vmlinux.write_bytes(_uncompressed(bzimage.read_bytes()))
    return version


def _uncompressed(bzimage: bytes) -> bytes:
    """Take the ELF kernel out of an LZ4 bzImage: booting it (PVH) spares the guest the decompression.

    Source: Documentation/x86/boot.rst, fields setup_sects, payload_offset and payload_length.
    """
    setup_bytes = ((bzimage[0x1F1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", bzimage, 0x248)
    payload = bzimage[setup_bytes + offset : setup_bytes + offset + length]
    result = subprocess.run(["lz4", "-dc"], input=payload[:-4], capture_output=True)  # the last word is the size
    if result.stdout[:4] != b"\x7fELF":
        raise BuildError("Debian's kernel is no longer compressed with LZ4: _uncompressed() must learn the new format")
    return result.stdout


def _make_initrd(modules: Path, loose: Path, initrd: Path) -> None:
    folders = ("bin", "dev", "etc", "proc", "root", "sys", "lib", "lib/modules", f"lib/modules/{modules.name}")
    entries: list[tuple[str, int, bytes]] = [(name, stat.S_IFDIR | 0o755, b"") for name in folders]
    entries.append(("bin/busybox", stat.S_IFREG | 0o755, (loose / "bin/busybox").read_bytes()))
    entries += [(f"bin/{applet}", stat.S_IFLNK | 0o777, b"busybox") for applet in INITRD_APPLETS]
    needs = _module_needs(modules)
    files = {f"{folders[-1]}/{path.name}": path.read_bytes() for path in needs}
    files[f"{folders[-1]}/modules.dep"] = "".join(
        f"{path.name}: {' '.join(needed.name for needed in needs[path])}\n" for path in needs
    ).encode()
    files["etc/modules"] = " ".join(INITRD_MODULES).encode() + b"\n"
    entries += [(name, stat.S_IFREG | 0o644, content) for name, content in files.items()]
    entries.append(("init", stat.S_IFREG | 0o755, (HERE / "initrd/init").read_bytes()))
    initrd.write_bytes(_cpio(entries))


def _module_needs(modules: Path) -> dict[Path, list[Path]]:
    """Return every module of the initrd with the modules it needs."""
    needs: dict[str, list[str]] = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    asked = [next(path for path in needs if path.endswith(f"/{module}.ko")) for module in INITRD_MODULES]
    closure = dict.fromkeys(asked + [needed for path in asked for needed in needs[path]])
    return {modules / path: [modules / needed for needed in needs[path]] for path in closure}


def _cpio(entries: list[tuple[str, int, bytes]]) -> bytes:
    """Pack (name, mode, content) in the "newc" format.

    Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
    """
    archive = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        archive += b"\0" * (-len(archive) % 4) + content
        archive += b"\0" * (-len(archive) % 4)
    return bytes(archive)


def _copy_rootfs(root: Path) -> None:
    """Copy rootfs/ over the guest, owned by root whoever owns the checkout."""
    source = HERE / "rootfs"
    for path in sorted(source.rglob("*")):
        target = root / path.relative_to(source)
        if path.is_dir():
            target.mkdir(mode=0o755, exist_ok=True)
            continue
        target.unlink(missing_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        os.chown(target, 0, 0)
    for directory in ("app", "var/lib/pequeroku"):
        (root / directory).mkdir(mode=0o755)


def _set_up_units(root: Path) -> None:
    _run("chroot", root, "systemctl", "--quiet", "enable", "pequeroku-booted.service")
    generators = root / "etc/systemd/system-generators"
    generators.mkdir(exist_ok=True)
    for line in _words(HERE / "units.txt"):
        verb, unit = line.split()
        if verb == "mask-generator":
            (generators / unit).symlink_to("/dev/null")
        elif verb == "mask":
            _run("chroot", root, "ln", "-sf", "/dev/null", f"/etc/systemd/system/{unit}")
        else:
            _run("chroot", root, "systemctl", "--quiet", verb, unit)


def _anonymise(root: Path) -> None:
    """Remove whatever two guests must not share, and what the build left of this machine."""
    identity = ("etc/ssh/ssh_host_*", "etc/machine-id", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed")
    traces = ("var/log/*.log", "var/log/apt/*", "var/cache/apt/*.bin")
    for pattern in identity + traces:
        for path in root.glob(pattern):
            path.unlink()
    (root / "etc/machine-id").touch(mode=0o444)
    (root / "var/lib/dbus/machine-id").symlink_to("/etc/machine-id")
    (root / "etc/hostname").write_text("pequeroku\n")
    hosts = ("127.0.0.1\tlocalhost", "127.0.1.1\tpequeroku", "::1\tlocalhost ip6-localhost ip6-loopback")
    (root / "etc/hosts").write_text("".join(f"{line}\n" for line in hosts))
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").touch(mode=0o644)
    (root / "etc/default/locale").write_text("LANG=C.UTF-8\n")


def _package_versions(root: Path) -> dict[str, str]:
    listing = _run("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", "--showformat=${Package} ${Version}\\n")
    return dict(line.split(" ", 1) for line in listing.splitlines())


def _make_disk(root: Path, raw: Path, qcow2: Path) -> None:
    """Make the base disk: one ext4 over the whole of it, so that growing it needs no partition table."""
    with raw.open("wb") as file:
        file.truncate(DISK_GIB * 2**30)
    extended = "lazy_itable_init=1,lazy_journal_init=1,nodiscard"
    _run("mke2fs", "-q", "-t", "ext4", "-L", "root", "-m", "1", "-E", extended, "-d", root, raw)
    _run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2)
    raw.unlink()


def _write_manifest(path: Path, key: str, packages: dict[str, str]) -> None:
    manifest = {
        "version": key,
        "base": "base.qcow2",
        "kernel": "vmlinux",
        "initrd": "initrd.img",
        "cmdline": CMDLINE,
        "arch": "x86_64",
        "packages": packages,
    }
    path.write_text(json.dumps(manifest, indent=2) + "\n")


def _path() -> str:
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _run(*command: str | Path) -> str:
    """Run a command and return what it printed. A failure ends the build with the last line of its complaint."""
    words = [str(word) for word in command]
    environment = os.environ | {"PATH": _path(), "LC_ALL": "C.UTF-8"}
    result = subprocess.run(words, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
    if result.returncode:
        complaint = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()
        raise BuildError(f"{words[0]} failed ({result.returncode}): {complaint[-1]}")
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
