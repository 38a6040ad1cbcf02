"""What a command says, as it comes."""

import codecs
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from typing import Self


class Stream:
    """Text of a command, on both of its streams, as it comes; `exit_code` is known when there is no more.

    Who stops reading a stream stops its command.
    """

    def __init__(self, said: Generator[bytes, None, int | None]) -> None:
        self._ended: list[int | None] = []
        self._said = _until_the_end(said, self._ended)
        self._texts = _texts(self._said)

    @property
    def exit_code(self) -> int | None:
        """128 + n after signal n; None before the end, and where nobody saw it."""
        return self._ended[0] if self._ended else None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        return next(self._texts)

    def chunks(self) -> Generator[bytes]:
        """The same as bytes, as they are: for what is no text."""
        return self._said

    def close(self) -> None:
        """Read no more."""
        self._texts.close()
        self._said.close()


class AsyncStream:
    """The same for asyncio. Who leaves before the end has to close it, for the command to be stopped at once."""

    def __init__(self, said: AsyncGenerator[bytes | int | None]) -> None:
        self._ended: list[int | None] = []
        self._said = _until_the_end_async(said, self._ended)
        self._texts = _texts_async(self._said)

    @property
    def exit_code(self) -> int | None:
        """128 + n after signal n; None before the end, and where nobody saw it."""
        return self._ended[0] if self._ended else None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        return await anext(self._texts)

    def chunks(self) -> AsyncGenerator[bytes]:
        """The same as bytes, as they are: for what is no text."""
        return self._said

    async def close(self) -> None:
        """Read no more."""
        await self._texts.aclose()
        await self._said.aclose()


def _until_the_end(said: Generator[bytes, None, int | None], ended: list[int | None]) -> Generator[bytes]:
    ended.append((yield from said))


def _texts(said: Generator[bytes]) -> Generator[str]:
    """Whole characters: one that is cut by the end of a piece comes with the next."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    with closing(said):
        for data in said:
            if text := decoder.decode(data):
                yield text
    if text := decoder.decode(b"", final=True):
        yield text


async def _until_the_end_async(
    said: AsyncGenerator[bytes | int | None], ended: list[int | None]
) -> AsyncGenerator[bytes]:
    """An asynchronous generator returns nothing: what is no bytes is the exit code."""
    async with aclosing(said):
        async for each in said:
            if isinstance(each, bytes):
                yield each
            else:
                ended.append(each)


async def _texts_async(said: AsyncGenerator[bytes]) -> AsyncGenerator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    async with aclosing(said):
        async for data in said:
            if text := decoder.decode(data):
                yield text
    if text := decoder.decode(b"", final=True):
        yield text
