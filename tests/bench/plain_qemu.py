"""The same image booted by QEMU alone: what a boot costs before any of our work."""

import socket
import subprocess
import tempfile
import time
from pathlib import Path

from backend.guest.keys import make_key_pair
from backend.hypervisor.driver import READY, GuestImage

_BOOT_S = 120.0


def boot_s(image: GuestImage) -> float:
    """Seconds from the start of QEMU until the guest says that it is ready. 1 vCPU, 1 GiB, as type small."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        disk, port = folder / "disk.qcow2", folder / "ready"
        backing = ["-b", str(image.base), "-F", "qcow2"]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(disk), "5G"], check=True)
        began = time.perf_counter()
        with subprocess.Popen(_command(image, disk, port), stderr=subprocess.DEVNULL) as qemu:
            try:
                _await_ready(port)
                return time.perf_counter() - began
            finally:
                qemu.kill()


_AS_OURS = "mitigations=off"
"""What an emulated guest of ours is told beside: see domain_xml.kernel_cmdline."""


def _command(image: GuestImage, disk: Path, port: Path) -> list[str]:
    key = make_key_pair().public.split()[1]
    who = f"pequeroku.instance=00000000-0000-4000-8000-000000000000 pequeroku.host=plain pequeroku.key={key}"
    return [
        *"qemu-system-x86_64 -accel tcg -M q35 -cpu max -m 1024 -smp 1".split(),
        *"-nodefaults -no-user-config -display none -device virtio-serial-pci -device virtio-rng-pci".split(),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", f"{image.cmdline} {_AS_OURS} {who}"),
        *("-drive", f"file={disk},if=none,id=d0,format=qcow2,discard=unmap", "-device", "virtio-blk-pci,drive=d0"),
        *("-chardev", f"socket,path={port},server=on,wait=off,id=ready"),
        *("-device", f"virtserialport,chardev=ready,name={READY}"),
    ]


def _await_ready(port: Path) -> None:
    end = time.monotonic() + _BOOT_S
    while time.monotonic() < end:
        try:
            with socket.socket(socket.AF_UNIX) as ready:
                ready.connect(str(port))
                ready.settimeout(end - time.monotonic())
                ready.sendall(b"?\n")
                if b"ready ssh-ed25519" in ready.recv(4096):
                    return
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.005)
    raise TimeoutError("the guest did not answer")
