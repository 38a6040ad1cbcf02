"""Start the server, say when it answers, and end it cleanly."""

import http.client
import signal
import subprocess
import time
from types import FrameType

from deploy.setup.console import environment, say
from deploy.setup.machine import ROOT, VENV, Problem

_ANSWER_S = 90
AS_BUILT = {
    "REFLEX_ENV_MODE": "prod",
    "__REFLEX_SKIP_COMPILE": "true",
    "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
}
"""The front end is built: Reflex is to serve it as it is. Its internal names stand here alone."""


def serve(host: str, port: int, *, image_dir: str, node_uri: str, notice: str, started: float) -> int:
    """Serve until somebody presses Ctrl-C. Virtual machines and libvirtd go on; the next start finds them again."""
    env = environment(**AS_BUILT, IMAGE_DIR=image_dir, LOCAL_NODE_URI=node_uri)
    server = subprocess.Popen(command(host, port), cwd=ROOT, env=env, stdin=subprocess.DEVNULL, process_group=0)
    asked_to_stop = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True
        server.send_signal(signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    answers = _wait_until_it_answers(server, host, port)
    if notice:
        say(f"\n{notice.rstrip()}\n")
    if answers:
        took_s = time.monotonic() - started
        say(f"  Pequeroku is at http://{host}:{port} ({took_s:.1f} s). Ctrl-C stops it; the virtual machines go on.")
    status = server.wait()
    if asked_to_stop:
        say("\n  Stopped. The virtual machines go on; `make stop` ends them too.")
        return 0
    raise Problem(f"The server ended by itself (status {status}); its last lines are above.")


def command(host: str, port: int) -> list[str]:
    """The server itself."""
    serve = [str(VENV / "bin/python"), "-m", "backend.serve", "pequeroku_ui.pequeroku_ui:app"]
    return [*serve, "--host", host, "--port", str(port)]


def _wait_until_it_answers(server: subprocess.Popen[bytes], host: str, port: int) -> bool:
    deadline = time.monotonic() + _ANSWER_S
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    while server.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection(reachable, port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    return False
