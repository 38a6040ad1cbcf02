"""How the server begins and ends, as a process."""

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stores import free_port, wait_for

_ROOT = Path(__file__).resolve().parents[2]

_APP = """
import asyncio

def make(startup, shutdown):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                step = (await receive())["type"]
                why = await (startup if step == "lifespan.startup" else shutdown)()
                await send({"type": step + (".failed" if why else ".complete"), "message": why or ""})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here", "more_body": scope["path"] == "/endless"})
        if scope["path"] == "/endless":
            await asyncio.Event().wait()
    return app

async def well():
    print("well", flush=True)

async def badly():
    print("no database", flush=True)
    return "no database"

async def never():
    await asyncio.Event().wait()

good = lambda: make(well, well)
broken = lambda: make(badly, well)
stuck = lambda: make(well, never)
"""
_SERVE = "from backend import serve; serve._PATIENCE_S = 1.0; serve.main()"


@contextmanager
def _served(folder: Path, name: str, port: int) -> Generator[subprocess.Popen[str]]:
    (folder / "an_app.py").write_text(_APP)
    command = [sys.executable, "-c", _SERVE, f"an_app:{name}", "--port", str(port)]
    environment = {"PYTHONPATH": f"{_ROOT}:{folder}", "PATH": ""}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return answer.read() == b"here"
    except OSError:
        return False


@pytest.mark.parametrize(("name", "status"), [*[("good", 0)] * 6, ("stuck", 1)])
def test_a_signal_ends_it_in_order_and_soon(tmp_path: Path, name: str, status: int) -> None:
    port = free_port()
    with _served(tmp_path, name, port) as process:
        wait_for("the server", lambda: _answers(port))
        process.terminate()
        assert process.wait(20) == status
        assert process.stdout is not None
        assert process.stdout.read().count("well") == (2 if name == "good" else 1)
    assert not _answers(port)


def test_who_still_listens_does_not_keep_it(tmp_path: Path) -> None:
    port = free_port()
    with _served(tmp_path, "good", port) as process:
        wait_for("the server", lambda: _answers(port))
        with socket.create_connection(("127.0.0.1", port), 5) as asker:
            asker.sendall(b"GET /endless HTTP/1.1\r\nHost: here\r\n\r\n")
            assert asker.recv(1000)
            process.terminate()
            assert process.wait(20) in (0, 1)
    assert not _answers(port)


def test_a_start_that_fails_is_told(tmp_path: Path) -> None:
    with _served(tmp_path, "broken", free_port()) as process:
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "no database" in said


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with _served(tmp_path, "good", other.getsockname()[1]) as process:
            said, _ = process.communicate(timeout=20)
            assert process.returncode == 1
            assert "in use" in said


def test_a_port_that_was_handed_out_is_only_for_who_asks_to_share_it() -> None:
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)):
        pass
