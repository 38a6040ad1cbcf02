"""Files of a real guest: full disks, odd names, links that lead out, a clone, and how fast it is."""

import asyncio
import time
from typing import Any

import pytest

from backend.db import reading
from backend.guest.channel import GuestAddress
from backend.guest.files import files
from backend.guest.files_asked import HANDLERS
from backend.guest.files_program import FileProgram
from backend.guest.shell import guests
from backend.hypervisor.registry import nodes
from backend.rules.file_refusals import FileRefused
from backend.services import terminals
from tests.integration.world import TaskProcess, World

pytestmark = [pytest.mark.vm]


class Guest:
    """The one guest, its file program, and what is asked of both."""

    def __init__(self, address: GuestAddress, program: FileProgram) -> None:
        self.address, self.program = address, program
        self.progress: list[dict[str, Any]] = []

    async def run(self, command: str) -> str:
        done = await guests().run(self.address, command, timeout_s=120)
        assert done.exit_code == 0, (command, done)
        return done.stdout.decode(errors="replace")

    async def ask(self, method: str, **params: Any) -> Any:
        return await HANDLERS[method](self.program, params, self.progress.append)

    async def refused(self, method: str, **params: Any) -> str:
        with pytest.raises(FileRefused) as refusal:
            await self.ask(method, **params)
        return refusal.value.code


async def test_files_of_a_real_guest(world: World, tasks: TaskProcess) -> None:
    await world.until_healthy()
    container_id = await world.create()
    await world.until(container_id, "running", seconds=180)
    async with reading() as tx:
        address = await (await terminals.look(tx, world.actor, container_id)).address()
    try:
        began = time.perf_counter()
        async with files().using(address) as program:
            print(f"begun in {time.perf_counter() - began:.2f} s")
            guest = Guest(address, program)
            for part in (_speed, _full_disk, _names, _links, _clone, _clone_by_ssh):
                began = time.perf_counter()
                await part(guest)
                print(f"{part.__name__}: {time.perf_counter() - began:.2f} s")
    finally:
        await files().forget_all()
        await guests().close_all()
        await nodes().close_all()


async def _speed(guest: Guest) -> None:
    await guest.run("mkdir -p /app/many && cd /app/many && seq 10000 | xargs touch")
    await guest.run("head -c 1000000 /dev/zero | tr '\\0' x > /app/megabyte")
    for _ in range(3):
        for method, params in (
            ("list", {"path": "/app"}), ("list", {"path": "/app/many"}), ("list", {"path": "/app/many", "limit": 200}),
            ("read", {"path": "/app/megabyte"}), ("stat", {"path": "/app/many"}), ("find", {"query": "many77"}),
            ("search", {"query": "nowhere"}),
        ):  # fmt: skip
            began = time.perf_counter()
            await guest.ask(method, **params)
            print(f"{method} {params}: {(time.perf_counter() - began) * 1000:.0f} ms")
    busy = asyncio.create_task(guest.ask("search", query="nowhere to be found"))
    await asyncio.wait_for(guest.ask("list", path="/app"), 5)
    await busy


async def _full_disk(guest: Guest) -> None:
    """Nothing is lost, and nothing is left of what did not fit; the guest's own disk as well as one mounted."""
    await guest.run("mkdir -p /app/small && mount -t tmpfs -o size=256k tmpfs /app/small && echo mine > /app/small/a")
    there = await guest.ask("read", path="/app/small/a")
    big = "x" * 1_000_000
    assert await guest.refused("write", path="/app/small/a", content=big, base=there["revision"]) == "no_space"
    assert await guest.refused("write", path="/app/small/b", content=big) == "no_space"
    assert await guest.refused("copy", path="/app/megabyte", to="/app/small/c") == "no_space"
    assert await guest.run("ls -A /app/small; cat /app/small/a") == "a\nmine\n"
    undo = (await guest.ask("trash", paths=["/app/small/a"]))["undo"]
    assert (await guest.ask("list", path="/app/small"))["total"] == 0
    await guest.ask("restore", undo=undo)
    await guest.run(_FILL)
    try:
        now = await guest.ask("read", path="/app/megabyte")
        assert await guest.refused("write", path="/app/megabyte", content=big + big, base=now["revision"]) == "no_space"
        assert (await guest.ask("read", path="/app/megabyte"))["revision"] == now["revision"]
        assert await guest.run("ls -A /var/lib/pequeroku/files/staged") == ""
    finally:
        await guest.run("rm -f /root/fill*; umount /app/small")
    await guest.run("mount -t tmpfs -o ro tmpfs /app/small")
    assert await guest.refused("write", path="/app/small/b", content="x") == "read_only"
    await guest.run("umount /app/small")


async def _names(guest: Guest) -> None:
    await guest.run(
        "mkdir /app/odd && cd /app/odd && touch -- $(printf 'caf\\351') 'a b' -rf $(printf '\\346\\227\\245')"
    )
    names = [each["name"] for each in (await guest.ask("list", path="/app/odd"))["entries"]]
    assert set(names) == {"caf\udce9", "a b", "-rf", "日"}
    for name in names:
        await guest.ask("move", path=f"/app/odd/{name}", to=f"/app/odd/{name}2")
        await guest.ask("copy", path=f"/app/odd/{name}2", to=f"/app/odd/{name}")
    assert await guest.run("ls -A /app/odd | wc -l") == "8\n"
    assert await guest.refused("create", path=f"/app/{'n' * 256}") == "invalid"
    deep = "/".join(["d" * 100] * 38)
    await guest.ask("create", path=f"/app/{deep}", kind="folder")
    assert await guest.refused("create", path=f"/app/{deep}/{deep}") == "invalid"
    await guest.run("cd /app && for i in $(seq 300); do mkdir -p deeper && cd deeper; done; echo needle > leaf")
    assert (await guest.ask("search", query="needle"))["files"] == 1
    undo = (await guest.ask("trash", paths=["/app/deeper"]))["undo"]
    await guest.ask("restore", undo=undo)


async def _links(guest: Guest) -> None:
    await guest.run(
        "cd /app && ln -s /etc/shadow out && ln -s / root && ln -s /app/odd in; ln -s loop loop && mkfifo pipe"
    )
    entries = {each["name"]: each for each in (await guest.ask("list", path="/app"))["entries"]}
    assert [entries[each].get("target_kind") for each in ("out", "root", "in", "loop")] == [
        "outside", "outside", "folder", "outside",
    ]  # fmt: skip
    for path in ("/app/out", "/app/root/etc/shadow", "/app/loop"):
        assert await guest.refused("read", path=path) == "outside"
        assert await guest.refused("write", path=path, content="x", force=True) == "outside"
    assert await guest.refused("create", path="/app/root/etc/new") == "outside"
    assert await guest.refused("read", path="/app/pipe") == "binary"
    assert (await guest.ask("list", path="/app/in"))["total"] == 8
    await guest.ask("trash", paths=["/app/root", "/app/out", "/app/loop", "/app/pipe"])
    assert await guest.run("test -e /etc/shadow && ! test -e /etc/new && echo whole") == "whole\n"


async def _clone(guest: Guest) -> None:
    """Over HTTP with a token, from a server inside the guest; the token stands nowhere afterwards."""
    await guest.run(_SERVER)
    url = "http://127.0.0.1:8099/repo.git"
    await guest.ask("clone", url=url, path="/app/cloned", token="geheim-7-token", username="me")
    assert await guest.run("cat /app/cloned/hello; git -C /app/cloned remote get-url origin") == f"hello\n{url}\n"
    found = "grep -rl geheim-7-token /app /root /var/lib/pequeroku /tmp/asked 2> /dev/null || true"
    assert await guest.run(found) == ""
    assert guest.progress
    assert await guest.refused("clone", url=url, path="/app/cloned", token="geheim-7-token") == "exists"
    assert await guest.refused("clone", url=url, path="/app/other", token="wrong") == "failed"
    assert await guest.run("test -e /app/other || ls -A /var/lib/pequeroku/files/staged") == ""
    task = asyncio.create_task(guest.ask("clone", url="http://127.0.0.1:8099/slow.git", path="/app/slow"))
    await guest.run("while ! test -e /tmp/slow; do sleep 0.05; done")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await guest.run("while pgrep -x git; do sleep 0.05; done; test ! -e /app/slow")
    await guest.run("kill $(cat /tmp/server.pid)")


async def _clone_by_ssh(guest: Guest) -> None:
    """With a private key for this once: it is on no disk of the machine that it did not come from."""
    await guest.run(_SSHD)
    key, url = await guest.run("cat /tmp/key; rm /tmp/key"), "ssh://root@127.0.0.1:2222/srv/git/repo.git"
    assert await guest.refused("clone", url=url, path="/app/by-ssh") == "failed"
    await guest.ask("clone", url=url, path="/app/by-ssh", key=key)
    assert await guest.run("cat /app/by-ssh/hello") == "hello\n"
    found = f"grep -rlF '{key.splitlines()[2]}' /app /root /tmp /var/lib/pequeroku /run 2> /dev/null || true"
    assert await guest.run(found) == ""
    await guest.run("kill $(cat /tmp/sshd.pid)")


_FILL = """
for size in 2048 1024 512 256 128 64 32 16 8 4 2 1; do
  while fallocate -l ${size}M /root/fill$((number += 1)) 2> /dev/null; do :; done
done
dd if=/dev/zero of=/root/fill bs=64k 2> /dev/null || true
"""
_SSHD = r"""
set -e
ssh-keygen -q -t ed25519 -N '' -f /tmp/key && ssh-keygen -q -t ed25519 -N '' -f /tmp/hostkey
mkdir -p -m 700 /root/.ssh /run/sshd && cat /tmp/key.pub >> /root/.ssh/authorized_keys
/usr/sbin/sshd -f /dev/null -p 2222 -h /tmp/hostkey -o ListenAddress=127.0.0.1 -o PidFile=/tmp/sshd.pid
for i in $(seq 100); do test -e /tmp/sshd.pid && exit 0; sleep 0.1; done; exit 1
"""
_SERVER = r"""
set -e
mkdir -p /srv/git && cd /srv/git && git init -q --bare repo.git && git -C repo.git config http.receivepack false
git init -q work && cd work && git config user.email a@b.c && git config user.name n && echo hello > hello
git add hello && git commit -qm first && git push -q /srv/git/repo.git HEAD:master
cat > /tmp/server.py <<'END'
import base64, os, subprocess, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
WANTED = "Basic " + base64.b64encode(b"me:geheim-7-" + b"token").decode()
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/slow.git"):
            open("/tmp/slow", "w").close()
            time.sleep(60)
        if self.headers.get("Authorization") != WANTED:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()
            return
        os.system("ps axeww > /tmp/asked")
        path, _, query = self.path.partition("?")
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        env = {"GIT_PROJECT_ROOT": "/srv/git", "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
               "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
               "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""), "PATH": os.environ["PATH"]}
        out = subprocess.run(["git", "http-backend"], input=data, env=env, stdout=subprocess.PIPE).stdout
        head, _, body = out.partition(b"\r\n\r\n")
        self.send_response(200)
        for line in head.decode().splitlines():
            self.send_header(*line.split(": ", 1))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *words):
        pass
ThreadingHTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
END
setsid python3 /tmp/server.py > /dev/null 2>&1 < /dev/null & echo $! > /tmp/server.pid
for i in $(seq 200); do curl -s -o /dev/null http://127.0.0.1:8099/ && exit 0; sleep 0.1; done; exit 1
"""
