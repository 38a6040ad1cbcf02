"""Runs inside a guest: answers requests about the files under one folder, many at a time, over its standard streams.

A frame is one letter, a request's number and a length (`>cII`), and that many bytes. To us: `q` a request, in JSON
(`method` and its parameters), `d` data for one, `x` its end before its time. From us: `d` data, `j` a piece of its
answer in JSON, `.` the end of it, `e` an event in JSON (of request 0: of nobody's). Each request has a thread while it
lasts, so that none waits for another. Who asks bounds how many there are.
"""

import json
import os
import queue
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any

from backend.guest.inside.files.jail import Jail, Trouble, trouble_of
from backend.guest.inside.files.workshop import Workshop

FRAME = struct.Struct(">cII")
HELLO = b"\n\0pequeroku files\0\n"
"""Before the first frame, and after whatever a shell's start said. Nothing more comes until something is asked."""
PIECE_BYTES = 128 * 1024
"""Short pieces, so that a long answer lets short ones through."""


class Call:
    """A request under way."""

    def __init__(self, program: "Program | None", number: int) -> None:
        self._program, self._number = program, number
        self._inbox = queue.SimpleQueue[bytes | None]()
        self._is_over = False
        self._on_cancel: Callable[[], None] = lambda: None

    @staticmethod
    def nobodys() -> "Call":
        """One that is never cancelled."""
        return Call(None, 0)

    def put(self, data: bytes) -> None:
        self._inbox.put(data)

    def cancel(self) -> None:
        self._is_over = True
        self._inbox.put(None)
        self._on_cancel()

    def check(self) -> None:
        """Raises when nobody wants it any more."""
        if self._is_over:
            raise Trouble("cancelled")

    def on_cancel(self, act: Callable[[], None]) -> None:
        """What to do, in another thread, when that happens."""
        self._on_cancel = act
        if self._is_over:
            act()

    def receive(self) -> bytes:
        """The next data that was sent along."""
        data = self._inbox.get()
        self.check()
        return data or b""

    def send(self, data: bytes | memoryview) -> None:
        self.check()
        if self._program is not None:
            self._program.send(b"d", self._number, data)

    def tell(self, **event: Any) -> None:
        if self._program is not None:
            self._program.say(b"e", self._number, event)


class Program:
    """What is asked, and who answers."""

    def __init__(self, jail: Jail, workshop: Workshop) -> None:
        self.jail, self.workshop = jail, workshop
        self._calls: dict[int, Call] = {}
        self._idle, self._counting = 0, threading.Lock()
        self._jobs = queue.SimpleQueue[tuple[Call, int, dict[str, Any]]]()
        self._out = threading.Lock()

    def send(self, kind: bytes, number: int, data: bytes | memoryview) -> None:
        """In short frames, each of which lets others in between."""
        whole = memoryview(data)
        for start in range(0, max(1, len(whole)), PIECE_BYTES):
            piece = whole[start : start + PIECE_BYTES]
            with self._out:
                _write_all(FRAME.pack(kind, number, len(piece)), piece)

    def say(self, kind: bytes, number: int, what: Any) -> None:
        self.send(kind, number, json.dumps(what, separators=(",", ":")).encode())

    def serve(self) -> None:
        """Until nobody asks any more."""
        source = sys.stdin.buffer
        while len(head := source.read(FRAME.size)) == FRAME.size:
            kind, number, length = FRAME.unpack(head)
            body = source.read(length)
            if kind == b"q":
                call = self._calls[number] = Call(self, number)
                self._begin(call, number, json.loads(body))
            elif (call := self._calls.get(number)) is not None:
                call.put(body) if kind == b"d" else call.cancel()
        for call in list(self._calls.values()):
            call.cancel()

    def _begin(self, call: Call, number: int, asked: dict[str, Any]) -> None:
        with self._counting:
            is_one_free = self._idle > 0
            self._idle -= is_one_free
        self._jobs.put((call, number, asked))
        if not is_one_free:
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            call, number, asked = self._jobs.get()
            try:
                answer = {"ok": self._answer(call, asked)}
            except Trouble as trouble:
                answer = {"code": trouble.code, "detail": trouble.detail, **trouble.more}
            except OSError as fault:
                trouble = trouble_of(fault)
                answer = {"code": trouble.code, "detail": trouble.detail}
            except UnicodeEncodeError:
                answer = {"code": "invalid", "detail": "its name is not one"}
            except Exception as fault:  # noqa: BLE001 - told to who asked; the others go on
                answer = {"code": "failed", "detail": f"{type(fault).__name__}: {fault}"}
            self._calls.pop(number, None)
            self.say(b"j", number, answer)
            self.send(b".", number, b"")
            with self._counting:
                self._idle += 1

    def _answer(self, call: Call, asked: dict[str, Any]) -> Any:
        return _method(asked.pop("method"))(self, call, **asked)


def _method(name: str) -> Callable[..., Any]:
    """Where each is; what nobody asks for is not even compiled."""
    if name in ("list", "stat"):
        from backend.guest.inside.files import listing as module
    elif name in ("create", "move", "copy"):
        from backend.guest.inside.files import tree as module
    elif name in ("read", "write", "get", "put", "received", "forget"):
        from backend.guest.inside.files import content as module
    elif name in ("trash", "restore"):
        from backend.guest.inside.files import trash as module
    elif name in ("search", "names"):
        from backend.guest.inside.files import search as module
    elif name == "watch":
        from backend.guest.inside.files import watch as module
    elif name in ("mark", "keep_marks"):
        from backend.guest.inside.files import marks as module
    elif name in ("changed", "versions", "put_back"):
        from backend.guest.inside.files import putting_back as module
    elif name == "pack":
        from backend.guest.inside.files import pack as module
    else:
        from backend.guest.inside.files import clone as module
    return getattr(module, f"do_{name}")


def _write_all(head: bytes, body: memoryview) -> None:
    left = len(head) + len(body)
    done = os.writev(1, [head, body])
    if done < left:
        rest = memoryview(head + bytes(body))[done:]
        while rest:
            rest = rest[os.write(1, rest) :]


def main(root: str, workshop: str) -> None:
    """Answer until the connection ends; nothing that was begun outlives it."""
    program = Program(Jail(root), Workshop(workshop))
    os.write(1, HELLO)
    threading.Thread(target=program.workshop.prune, daemon=True).start()
    program.serve()
    os._exit(0)
