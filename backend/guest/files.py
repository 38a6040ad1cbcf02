"""The files of guests, for all who look at them: one program in each guest, started when first needed, shared, and
ended some time after the last one has gone. What it can be asked, files_asked.py says.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from backend.errors import Unavailable
from backend.guest.channel import GuestAddress
from backend.guest.files_program import FileProgram, Places
from backend.rules import paths
from backend.rules.file_refusals import FileRefused

log = logging.getLogger(__name__)

MAX_WATCHED = 500
_LINGERS_S = 30.0


class Looker:
    """Somebody who hears of changes. What is the same is told once, however often it came before it was taken."""

    def __init__(self, guest: "_Guest") -> None:
        self._guest = guest
        self.folders = frozenset[str]()
        self.files = frozenset[str]()
        self.lost = asyncio.Event()
        self._news: dict[tuple[str, str], dict[str, Any]] = {}
        self._has_news = asyncio.Event()

    async def watch(self, folders: frozenset[str], files: frozenset[str]) -> None:
        """From now on hear of these (relative paths), and no others."""
        if len(folders) + len(files) > MAX_WATCHED:
            raise FileRefused("invalid", "The list", f"{MAX_WATCHED} folders and files are watched at most")
        self.folders, self.files = folders, files
        await self._guest.watch()

    def hear(self, kind: str, path: str, event: dict[str, Any]) -> None:
        if path in (self.folders if kind == "changed" else self.files):
            self._news[kind, path] = event
            self._has_news.set()

    async def news(self) -> list[dict[str, Any]]:
        """Wait for some."""
        await self._has_news.wait()
        self._has_news.clear()
        kept, self._news = list(self._news.values()), {}
        return kept


class _Guest:
    """One guest's program, and who uses it."""

    def __init__(self, places: Places, let_go: Callable[[], None]) -> None:
        self._places, self._let_go = places, let_go
        self._lock = asyncio.Lock()
        self._program: FileProgram | None = None
        self._address: GuestAddress | None = None
        self._uses, self._is_closed = 0, False
        self._ending: asyncio.Task[None] | None = None
        self.lookers: set[Looker] = set()

    async def program(self, address: GuestAddress) -> FileProgram:
        async with self._lock:
            if self._program is not None and self._program.is_up and self._address == address:
                return self._program
            if self._program is not None:
                await self._program.close()
            self._program = program = await FileProgram.start(address, self._places, self._hear)
            self._address = address
        task = asyncio.create_task(self._tell_when_lost(program), name="files-lost")
        _background.add(task)
        task.add_done_callback(_background.discard)
        return program

    def use(self) -> None:
        self._uses += 1
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def leave(self) -> None:
        self._uses -= 1
        if self._uses == 0 and not self._is_closed:
            self._ending = asyncio.create_task(self._end(), name="files-end")

    async def watch(self) -> None:
        """Tell the program what all together want to hear of."""
        folders = sorted(frozenset[str]().union(*(each.folders for each in self.lookers)))
        files = sorted(frozenset[str]().union(*(each.files for each in self.lookers)))
        if self._program is not None and self._program.is_up:
            await self._program.ask("watch", folders=folders[: MAX_WATCHED * 4], files=files[: MAX_WATCHED * 4])

    async def close(self) -> None:
        self._is_closed = True
        if self._ending is not None and self._ending is not asyncio.current_task():
            self._ending.cancel()
        if self._program is not None:
            await self._program.close()

    async def _end(self) -> None:
        await asyncio.sleep(_LINGERS_S)
        self._let_go()
        await self.close()

    async def _tell_when_lost(self, program: FileProgram) -> None:
        await program.ended.wait()
        for looker in self.lookers:
            looker.lost.set()

    def _hear(self, said: dict[str, Any]) -> None:
        """The guest's own words: only of what is watched, and in our form."""
        match said:
            case {"event": "changed", "folder": str(path)}:
                event: dict[str, Any] = {"event": "changed", "folder": paths.outside(path)}
                self._pass_on("changed", path, event | ({"gone": True} if said.get("gone") else {}))
            case {"event": "file", "path": str(path), "revision": str() | None as revision}:
                short = revision[:100] if revision is not None else None
                self._pass_on("file", path, {"event": "file", "path": paths.outside(path), "revision": short})
            case _:
                log.debug("files: an event of no form")

    def _pass_on(self, kind: str, path: str, event: dict[str, Any]) -> None:
        for looker in self.lookers:
            looker.hear(kind, path, event)


class Files:
    """All guests whose files somebody uses."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._guests: dict[str, _Guest] = {}

    @asynccontextmanager
    async def using(self, address: GuestAddress) -> AsyncGenerator[FileProgram]:
        """The guest's program, for a while.

        Raises:
            Unavailable: the guest can't be reached, or has no python3.
        """
        guest = self._guest(address.domain_name)
        guest.use()
        try:
            yield await guest.program(address)
        finally:
            guest.leave()

    @asynccontextmanager
    async def looking(
        self, address: GuestAddress, looker: Looker | None = None
    ) -> AsyncGenerator[tuple[FileProgram, Looker]]:
        """The same, and hear of changes; who looked before goes on with what they had watched."""
        guest = self._guest(address.domain_name)
        async with self.using(address) as program:
            mine = Looker(guest)
            if looker is not None:
                mine.folders, mine.files = looker.folders, looker.files
            guest.lookers.add(mine)
            try:
                if mine.folders or mine.files:
                    await guest.watch()
                if not program.is_up:
                    raise Unavailable("The connection to the machine was lost.")
                yield program, mine
            finally:
                guest.lookers.discard(mine)

    async def forget(self, domain_name: str) -> None:
        """The machine is off."""
        if guest := self._guests.pop(domain_name, None):
            await guest.close()

    async def forget_all(self) -> None:
        """Let go of every guest."""
        for name in list(self._guests):
            await self.forget(name)

    def _guest(self, name: str) -> _Guest:
        if name not in self._guests:
            self._guests[name] = _Guest(self.places, lambda: self._let_go(name))
        return self._guests[name]

    def _let_go(self, name: str) -> None:
        self._guests.pop(name, None)  # it is this one: who is forgotten lingers no more


_background: set[asyncio.Task[None]] = set()


@lru_cache
def files() -> Files:
    """The process's."""
    return Files(Places())
