"""Where terminal output goes slow: the guest's own PTY, read by a program in the guest, and the same through dtach."""

import base64

from backend.guest.channel import GuestAddress
from backend.guest.shell import guests
from tests.bench.report import Figure

_READER = r"""
import os, pty, socket, subprocess, sys, time

LINES = b"0123456789abcdefghijklmnopqrstuvwxyz\n" * 160_000

def read_pty():
    pid, end = pty.fork()
    if pid == 0:
        os.execvp("cat", ["cat", "/tmp/lines"])
    while True:
        try:
            yield os.read(end, 65536)
        except OSError:
            return

def read_dtach():
    subprocess.run(["dtach", "-n", "/tmp/lines.tty", "-E", "-z", "sh", "-c", "sleep 0.5; cat /tmp/lines"], check=True)
    with socket.socket(socket.AF_UNIX) as end:
        end.connect("/tmp/lines.tty")
        end.send(b"\x01\x00" + bytes(8))
        while piece := end.recv(65536):
            yield piece

open("/tmp/lines", "wb").write(LINES)
began, size = 0.0, 0
for piece in {"pty": read_pty, "dtach": read_dtach}[sys.argv[1]]():
    began, size = began or time.monotonic(), size + len(piece)
print(size / 1e6 / (time.monotonic() - began))
"""


async def profile(address: GuestAddress) -> list[Figure]:
    """MB/s of 37-character lines, with no SSH and no server of ours in the way."""
    program = base64.b64encode(_READER.encode()).decode()
    await guests().run(address, f"echo {program} | base64 -d > /tmp/reader.py")
    figures: list[Figure] = []
    for kind, name in (("pty", "in the guest: its PTY alone"), ("dtach", "in the guest: PTY and dtach")):
        done = await guests().run(address, f"python3 /tmp/reader.py {kind}", timeout_s=120)
        figures.append(Figure(name, float(done.stdout), "MB/s", 1, better="higher"))
    return figures
