"""The client for asyncio: the same methods, awaited."""

import asyncio
import time
from base64 import b64decode
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from pequeroku import calls, wire
from pequeroku.calls import Call, Files
from pequeroku.errors import NotReady, PequerokuError
from pequeroku.models import Completed, Container, Entry, File, Page, Port, Process, ProcessPiece, Put, Run, Type
from pequeroku.streams import AsyncStream

T = TypeVar("T")


class AsyncClient:
    """A Pequeroku server, with a key. Close it, or use it in an `async with`."""

    def __init__(self, url: str = "", key: str = "", *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """
        Args:
            url, key: as in the browser, and from the page Account, Keys; else PEQUEROKU_URL and PEQUEROKU_KEY.

        Raises:
            PequerokuError: one of them is missing.
        """
        self.url, headers = wire.where(url, key)
        self._http = httpx.AsyncClient(base_url=f"{self.url}/api/v1/", headers=headers, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def raw(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Anything else of the server's API (docs/api.md), such as `/api/templates/`: what it says, as JSON."""
        return await self._do(calls.raw(method, f"{self.url}{path}", body))

    async def types(self) -> list[Type]:
        """The sizes that you may have, cheapest first."""
        return await self._do(calls.list_types())

    async def containers(self, *, limit: int = 50, offset: int = 0) -> Page[Container]:
        """Yours and those shared with you, newest first."""
        return await self._do(calls.list_containers(limit, offset))

    async def create(self, type: str | int, name: str = "", *, ttl_seconds: int | None = None) -> Container:  # noqa: A002
        """A new machine; it boots meanwhile. With `ttl_seconds` it is deleted after so long."""
        return await self._do(calls.create(type, name, ttl_seconds))

    async def get(self, container_id: int) -> Container:
        """One container."""
        return await self._do(calls.get(container_id))

    async def wait_until_running(self, container_id: int, *, timeout_s: float = 180.0) -> Container:
        """Until it runs.

        Raises:
            NotReady: it failed, or takes longer.
        """
        end = time.monotonic() + timeout_s
        while True:
            seen = await self.get(container_id)
            if seen.activity == "running":
                return seen
            if seen.status == "error" or time.monotonic() > end:
                raise NotReady(seen.reason or f"“{seen.name}” did not start within {timeout_s:.0f} s.", "timeout")
            await asyncio.sleep(calls.LOOK_EVERY_S)

    async def start(self, container_id: int) -> Container:
        """Have it started."""
        return await self._do(calls.act(container_id, "start"))

    async def stop(self, container_id: int) -> Container:
        """Have it shut down."""
        return await self._do(calls.act(container_id, "stop"))

    async def restart(self, container_id: int) -> Container:
        """Have it shut down and started."""
        return await self._do(calls.act(container_id, "restart"))

    async def delete(self, container_id: int) -> Container:
        """Have it removed, with its disk, for good."""
        return await self._do(calls.delete(container_id))

    async def exec(
        self,
        container_id: int,
        command: str,
        *,
        timeout: float = 30,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        stdin: str | bytes = "",
    ) -> Completed:
        """Run a shell command as root and wait for it; one that takes longer is ended (PequerokuError, `timeout`)."""
        return await self._do(
            calls.execute(container_id, command, timeout=timeout, cwd=cwd, env=env or {}, stdin=stdin)
        )

    async def start_process(
        self,
        container_id: int,
        command: str,
        *,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        stdin: str | bytes = "",
    ) -> str:
        """Begin a command that goes on by itself; returns its id."""
        return await self._do(calls.start(container_id, command, cwd=cwd, env=env or {}, stdin=stdin))

    async def processes(self, container_id: int) -> Page[Process]:
        """What goes on in the background, and what has ended."""
        return await self._do(calls.list_processes(container_id))

    async def process(self, container_id: int, process_id: str, *, offset: int = 0, wait_s: float = 0) -> ProcessPiece:
        """How it is, and what it has said from `offset` on; `wait_s` (20 at most) waits for more."""
        return await self._do(calls.get_process(container_id, process_id, offset=offset, wait_s=wait_s))

    async def stop_process(self, container_id: int, process_id: str) -> None:
        """Stop one that runs; forget one that has ended."""
        await self._do(calls.stop_process(container_id, process_id))

    def stream(
        self,
        container_id: int,
        command: str,
        *,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        stdin: str | bytes = "",
    ) -> AsyncStream:
        """Run a command and give what it says as it comes; then its `exit_code` is there.

        It goes on in the machine if the connection is lost meanwhile; whoever stops reading stops it.
        """
        return AsyncStream(
            self._run(container_id, calls.start(container_id, command, cwd=cwd, env=env or {}, stdin=stdin))
        )

    def follow(self, container_id: int, process_id: str, *, offset: int = 0) -> AsyncStream:
        """What a background command says from `offset` on, until it ends; it goes on when nobody reads."""
        return AsyncStream(self._follow(container_id, process_id, offset))

    async def put_files(
        self, container_id: int, files: Files, dest_path: str = "/app", *, modes: Mapping[str, str] | None = None
    ) -> Put:
        """Put files into a folder: all or none. `modes` are as for chmod, by path."""
        return await self._do(calls.put_files(container_id, files, dest_path, modes or {}))

    async def read_file(self, container_id: int, path: str) -> File:
        """A file beneath /app, of 5 MiB at most."""
        return await self._do(calls.read_file(container_id, path))

    async def folder(self, container_id: int, path: str = "/app", *, limit: int = 200, offset: int = 0) -> Page[Entry]:
        """What is in a folder beneath /app."""
        return await self._do(calls.list_folder(container_id, path, limit, offset))

    async def ports(self, container_id: int) -> Page[Port]:
        """What its programs listen on."""
        return await self._do(calls.list_ports(container_id))

    async def run_once(
        self,
        command: str,
        *,
        files: Files | None = None,
        type: str | int | None = None,  # noqa: A002 - the API's word
        timeout_seconds: int = 60,
        waits: bool = True,
    ) -> Run:
        """Run a command in a machine of its own, which is gone afterwards; `waits=False` answers at once."""
        asked = calls.submit_run(command, files=files or {}, type=type, timeout_seconds=timeout_seconds, waits=waits)
        return await self._do(asked)

    async def runs(self, *, limit: int = 50, offset: int = 0) -> Page[Run]:
        """Your runs, newest first, without what they said."""
        return await self._do(calls.list_runs(limit, offset))

    async def get_run(self, run_id: int) -> Run:
        """One run, with what it said."""
        return await self._do(calls.get_run(run_id))

    async def cancel_run(self, run_id: int) -> None:
        """End a run."""
        await self._do(calls.cancel_run(run_id))

    @asynccontextmanager
    async def run(self, type: str | int, name: str = "", *, ttl_seconds: int = 3600) -> AsyncIterator["AsyncMachine"]:  # noqa: A002
        """A machine for the block, running; it is deleted at its end, and after `ttl_seconds` in any case."""
        made = await self.create(type, name, ttl_seconds=ttl_seconds)
        try:
            yield AsyncMachine(self, await self.wait_until_running(made.id))
        finally:
            await self.delete(made.id)

    async def _run(self, container_id: int, begin: Call[str]) -> AsyncGenerator[bytes | int | None]:
        process_id = await self._do(begin)
        try:
            async with aclosing(self._follow(container_id, process_id, 0)) as said:
                async for each in said:
                    yield each
        except BaseException:
            for _ in ("stop", "forget"):
                with suppress(PequerokuError):
                    await self.stop_process(container_id, process_id)
            raise
        with suppress(PequerokuError):
            await self.stop_process(container_id, process_id)

    async def _follow(self, container_id: int, process_id: str, offset: int) -> AsyncGenerator[bytes | int | None]:
        """What it says; at last its exit code."""
        while True:
            asked = calls.get_process(container_id, process_id, offset=offset, wait_s=calls.WAITS_S, encoding="base64")
            piece = await self._do(asked)
            if piece.output:
                yield b64decode(piece.output)
            elif piece.state != "running":
                yield piece.exit_code
                return
            offset = piece.next_offset

    async def _do(self, call: Call[T]) -> T:
        attempt = 0
        while True:
            try:
                response = await self._http.send(wire.request_of(call, self._http))
            except httpx.TransportError as fault:
                pause_s = wire.wait_s(call, attempt, None)
                if pause_s is None:
                    raise wire.unreachable(fault) from fault
            else:
                pause_s = wire.wait_s(call, attempt, response)
                if pause_s is None:
                    return wire.answer(call, response)
            await asyncio.sleep(pause_s)
            attempt += 1


class AsyncMachine:
    """A container and the client, for short: what it does is the client's."""

    def __init__(self, client: AsyncClient, container: Container) -> None:
        self.client, self.container = client, container

    @property
    def id(self) -> int:
        """The container's."""
        return self.container.id

    async def exec(self, command: str, **options: Any) -> Completed:
        """As AsyncClient.exec."""
        return await self.client.exec(self.id, command, **options)

    def stream(self, command: str, **options: Any) -> AsyncStream:
        """As AsyncClient.stream."""
        return self.client.stream(self.id, command, **options)

    async def put_files(self, files: Files, dest_path: str = "/app", **options: Any) -> Put:
        """As AsyncClient.put_files."""
        return await self.client.put_files(self.id, files, dest_path, **options)

    async def read_file(self, path: str) -> File:
        """As AsyncClient.read_file."""
        return await self.client.read_file(self.id, path)
