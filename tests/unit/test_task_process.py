"""A task process of its own, begun as its systemd unit begins it."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.stores import free_port, wait_for

_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def _task_process(url: str, **said: str) -> Generator[subprocess.Popen[str]]:
    environment = os.environ | {"DATABASE_URL": url} | said
    command = [sys.executable, "-m", "backend.tasks"]
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _figures(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def test_it_tells_prometheus_of_itself_until_a_signal_ends_it_in_order(fresh_sqlite: str) -> None:
    port = free_port()
    with _task_process(fresh_sqlite, TASKS_METRICS_PORT=str(port)) as process:
        wait_for("its figures", lambda: bool(_figures(port)))
        names = {each.name for each in text_string_to_metric_families(_figures(port))}
        assert {"pequeroku_reconcile_pass_seconds", "pequeroku_errors", "process_resident_memory_bytes"} <= names
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, "Traceback" in errors) == (0, False)
    assert not _figures(port)


def test_a_port_that_is_taken_costs_the_figures_and_nothing_else(fresh_sqlite: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _task_process(fresh_sqlite, TASKS_METRICS_PORT=str(port)) as process:
            assert process.stderr is not None
            while "no figures of this process" not in (line := process.stderr.readline()):
                assert line, "it ended without a word"
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
