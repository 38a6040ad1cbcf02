"""Each thing that can be asked, as data: both clients send these, and no other."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import uuid4

from pequeroku.models import (
    Answer,
    Completed,
    Container,
    Entry,
    File,
    Page,
    Port,
    Process,
    ProcessPiece,
    Put,
    Run,
    Type,
)

A = TypeVar("A", bound=Answer)
T = TypeVar("T")
Files = Mapping[str, str | bytes]
"""Contents by path; text is sent as UTF-8."""
LOOK_EVERY_S = 0.25
"""How often a machine that boots is asked after."""
WAITS_S = 15.0
"""How long the server is to wait for more of what a process says."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and how its answer is read. `repeatable`: it may be sent twice without being done twice."""

    method: str
    path: str
    read: Callable[[Any], T]
    body: dict[str, Any] | None = None
    query: dict[str, Any] = field(default_factory=dict[str, Any])
    timeout_s: float = 30.0
    key: str = ""
    """Sent as Idempotency-Key: what came of it is told again, and it is not done again."""
    is_once: bool = False
    """Sent twice it does two things."""

    @property
    def repeatable(self) -> bool:
        return not self.is_once and (self.method != "POST" or bool(self.key))


def _nothing(_said: Any) -> None:
    return None


def _page(of: type[A]) -> Callable[[Any], Page[A]]:
    return lambda said: Page(said["count"], [of.of(each) for each in said["results"]])


def raw(method: str, url: str, body: dict[str, Any] | None) -> Call[Any]:
    return Call(method, url, lambda said: said, body)


def list_types() -> Call[list[Type]]:
    return Call("GET", "types/", lambda said: [Type.of(each) for each in said])


def list_containers(limit: int, offset: int) -> Call[Page[Container]]:
    return Call("GET", "containers/", _page(Container), query={"limit": limit, "offset": offset})


def create(type: str | int, name: str, ttl_seconds: int | None) -> Call[Container]:  # noqa: A002 - the API's word
    body = {"type": type, "name": name, "ttl_seconds": ttl_seconds}
    return Call("POST", "containers/", Container.of, body, key=uuid4().hex)


def get(container_id: int) -> Call[Container]:
    return Call("GET", f"containers/{container_id}/", Container.of)


def delete(container_id: int) -> Call[Container]:
    return Call("DELETE", f"containers/{container_id}/", Container.of)


def act(container_id: int, action: str) -> Call[Container]:
    return Call("POST", f"containers/{container_id}/actions/", Container.of, {"action": action}, key=uuid4().hex)


def execute(
    container_id: int, command: str, *, timeout: float, cwd: str, env: Mapping[str, str], stdin: str | bytes
) -> Call[Completed]:
    body = {"command": command, "timeout": timeout, "cwd": cwd, "env": dict(env), **_input(stdin)}
    return Call("POST", f"containers/{container_id}/exec/", Completed.of, body, timeout_s=timeout + 30)


def start(container_id: int, command: str, *, cwd: str, env: Mapping[str, str], stdin: str | bytes) -> Call[str]:
    body = {"command": command, "cwd": cwd, "env": dict(env), "background": True, **_input(stdin)}
    return Call("POST", f"containers/{container_id}/exec/", lambda said: said["process_id"], body, key=uuid4().hex)


def list_processes(container_id: int) -> Call[Page[Process]]:
    return Call("GET", f"containers/{container_id}/processes/", _page(Process))


def get_process(
    container_id: int, process_id: str, *, offset: int, wait_s: float, encoding: str = "text"
) -> Call[ProcessPiece]:
    query = {"offset": offset, "wait_s": wait_s, "encoding": encoding}
    path = f"containers/{container_id}/processes/{process_id}/"
    return Call("GET", path, ProcessPiece.of, query=query, timeout_s=30 + wait_s)


def stop_process(container_id: int, process_id: str) -> Call[None]:
    return Call("DELETE", f"containers/{container_id}/processes/{process_id}/", _nothing, is_once=True)


def put_files(container_id: int, files: Files, dest_path: str, modes: Mapping[str, str]) -> Call[Put]:
    body = {"dest_path": dest_path, "files": _sent(files, modes)}
    return Call("PUT", f"containers/{container_id}/files/", Put.of, body, timeout_s=120)


def read_file(container_id: int, path: str) -> Call[File]:
    return Call("GET", f"containers/{container_id}/files/", File.of, query={"path": path})


def list_folder(container_id: int, path: str, limit: int, offset: int) -> Call[Page[Entry]]:
    query = {"path": path, "limit": limit, "offset": offset}
    return Call("GET", f"containers/{container_id}/dirs/", _page(Entry), query=query)


def list_ports(container_id: int) -> Call[Page[Port]]:
    return Call("GET", f"containers/{container_id}/ports/", _page(Port))


def submit_run(
    command: str,
    *,
    files: Files,
    type: str | int | None,  # noqa: A002 - the API's word
    timeout_seconds: int,
    waits: bool,
) -> Call[Run]:
    body = {"command": command, "files": _sent(files, {}), "type": type, "timeout_seconds": timeout_seconds}
    body["async"] = not waits
    return Call("POST", "runs/", Run.of, body, timeout_s=timeout_seconds + 400 if waits else 30, key=uuid4().hex)


def get_run(run_id: int) -> Call[Run]:
    return Call("GET", f"runs/{run_id}/", Run.of)


def list_runs(limit: int, offset: int) -> Call[Page[Run]]:
    return Call("GET", "runs/", _page(Run), query={"limit": limit, "offset": offset})


def cancel_run(run_id: int) -> Call[None]:
    return Call("DELETE", f"runs/{run_id}/", _nothing)


def _input(stdin: str | bytes) -> dict[str, str]:
    return {"stdin": stdin} if isinstance(stdin, str) else {"stdin_b64": base64.b64encode(stdin).decode()}


def _sent(files: Files, modes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"path": path, "mode": modes.get(path, "644")} | _content(each) for path, each in files.items()]


def _content(data: str | bytes) -> dict[str, str]:
    if isinstance(data, str):
        return {"content": data}
    return {"content_b64": base64.b64encode(data).decode()}
