"""The language model, at whatever provider Config names: anything that speaks OpenAI's chat completions.

The SDK signs requests in, waits and names faults. The stream is read here, line by line: its own typed events cost
more time than all the rest of a token's way to the browser.
"""

import asyncio
import importlib
import json
import random
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

import httpx

from backend.ai.faults import ModelFault
from backend.db import Tx
from backend.rules.config_keys import AI_MODELS, OPENAI_API_KEY, OPENAI_API_URL, OPENAI_MODEL
from backend.rules.plain_text import one_line
from backend.services.config import value_of

Message = dict[str, Any]
Hear = Callable[[str], Awaitable[None]]

_TIMES = httpx.Timeout(30.0, connect=10.0, read=90.0)
_TRIES = 4
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 20.0
_MOST_TEXT = 200_000
_MOST_ARGUMENTS = 2 * 1024 * 1024
"""Of all that is wanted at one time."""
_MOST_CALLS = 32
_MOST_LINE = 4 * 1024 * 1024
_LONGEST_REMARK = 300
_MOST_TOKENS = 10_000_000
"""Of one question or answer: more than any model takes, and a turn's sum still is a number that databases keep."""
_GUESSED_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Model:
    """A model, and where it is to be had."""

    url: str
    key: str = field(repr=False)
    name: str


@dataclass(slots=True)
class Call:
    """A tool that the model wants used; `arguments` is JSON if it kept to the rules."""

    id: str
    tool: str
    arguments: str


@dataclass(slots=True)
class Answer:
    """What the model said. Without figures from the provider, the tokens are a guess by length."""

    text: str = ""
    calls: list[Call] = field(default_factory=list[Call])
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish: str = ""


async def model_for(tx: Tx, alias: str) -> Model:
    """What Config has for an alias (`assistant`, `tip-generator`, `embedder`, `judge`).

    Raises:
        ModelFault: `not-set-up`.
    """
    key = await value_of(tx, OPENAI_API_KEY)
    if not key:
        raise ModelFault("not-set-up", "No AI provider is set up. An administrator can do that under Config, AI.")
    name = await value_of(tx, AI_MODELS[alias]) or await value_of(tx, OPENAI_MODEL)
    return Model(await value_of(tx, OPENAI_API_URL), key, name)


class Provider:
    """A connection to a model's provider, for as long as a turn."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._http = httpx.AsyncClient(verify=_trust(), timeout=_TIMES)
        self._sdk: Any = None

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(
        self, messages: list[Message], tools: list[dict[str, Any]], hear: Hear, *, waits: Hear | None = None
    ) -> Answer:
        """Ask, and hear the answer's text as it comes. What the provider turns away for now is asked again.

        Args:
            waits: is told, as a sentence, for what we wait.

        Raises:
            ModelFault: there is no whole answer. What was heard until then stands.
        """
        heard = _Heard(hear)
        for number in range(_TRIES):
            try:
                await self._ask(messages, tools, heard)
                return heard.answer(messages)
            except _Later as later:
                if heard.has_begun or number == _TRIES - 1:
                    raise later.fault from later
                wait_s = min(later.after_s or _FIRST_WAIT_S * 2**number * random.uniform(0.8, 1.2), _LONGEST_WAIT_S)  # noqa: S311
                if waits is not None:
                    await waits(f"{later.fault.message} It is asked again in {wait_s:.0f} s.")
                await asyncio.sleep(wait_s)
        raise AssertionError("unreachable")

    async def _ask(self, messages: list[Message], tools: list[dict[str, Any]], heard: "_Heard") -> None:
        if self._sdk is None:
            self._sdk = (await asyncio.to_thread(_library)).AsyncOpenAI(
                api_key=self.model.key, base_url=self.model.url, http_client=self._http, max_retries=0
            )
        wanted: dict[str, Any] = {"tools": tools} if tools else {}
        try:
            async with self._sdk.chat.completions.with_streaming_response.create(
                model=self.model.name,
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
                **wanted,
            ) as response:
                async for data in _events(response.iter_bytes()):
                    await heard.take(data)
        except Exception as fault:
            raise _told(fault) from fault
        if not heard.is_whole:
            raise ModelFault("cut-off", "The provider's answer broke off. Try again.")


async def try_out(model: Model) -> str:
    """Ask for one word, and say how that went, in a sentence.

    Raises:
        ModelFault: it does not work; the sentence says why.
    """

    async def deaf(_text: str) -> None: ...

    provider = Provider(model)
    try:
        answer = await provider.ask([{"role": "user", "content": "Say: ready"}], [], deaf)
    finally:
        await provider.close()
    said = " ".join(answer.text.split())[:80]
    return f"“{model.name}” answers: {said}" if said else f"“{model.name}” answers."


class _Later(Exception):
    """The provider does not answer now, and may soon."""

    def __init__(self, fault: ModelFault, after_s: float = 0.0) -> None:
        super().__init__(fault.message)
        self.fault, self.after_s = fault, after_s


class _Heard:
    """An answer as it comes, piece by piece."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._pieces: list[str] = []
        self._length = self._length_of_arguments = 0
        self._calls: dict[int, Call] = {}
        self._usage: tuple[int, int] | None = None
        self._finish = ""

    @property
    def has_begun(self) -> bool:
        return bool(self._pieces or self._calls)

    @property
    def is_whole(self) -> bool:
        return bool(self._finish)

    async def take(self, data: bytes) -> None:
        """One event of the stream."""
        try:
            said: Any = json.loads(data)
        except (ValueError, RecursionError) as fault:
            raise ModelFault("bad-answer", "The provider's answer can't be read: it is no JSON.") from fault
        match said:
            case {"error": error}:
                raise ModelFault("unavailable", f"The provider broke off: {_remark(error)}")
            case {"usage": {"prompt_tokens": int(sent), "completion_tokens": int(got)}}:
                self._usage = _tokens(sent), _tokens(got)
            case _:
                pass
        match said:
            case {"choices": [{"delta": dict()} as choice, *_]}:
                delta = cast("dict[str, Any]", choice)["delta"]
                await self._take_delta(delta)
                finish: object = cast("dict[str, Any]", choice).get("finish_reason")
                self._finish = finish if isinstance(finish, str) else self._finish
            case _:
                return

    async def _take_delta(self, delta: dict[str, Any]) -> None:
        text = _whole(delta.get("content"))
        if text:
            self._length += len(text)
            if self._length > _MOST_TEXT:
                raise ModelFault("bad-answer", "The model's answer does not end.")
            self._pieces.append(text)
            await self._hear(text)
        wanted = delta.get("tool_calls")
        for piece in cast("list[object]", wanted) if isinstance(wanted, list) else []:
            self._take_call(piece)

    def _take_call(self, piece: object) -> None:
        match piece:
            case {"index": int(index)} if 0 <= index < _MOST_CALLS:
                pass
            case {"index": int()}:
                raise ModelFault("bad-answer", f"The model wants more than {_MOST_CALLS} things at once.")
            case _:
                index = len(self._calls)
        said = cast("dict[str, Any]", piece) if isinstance(piece, dict) else {}
        call = self._calls.setdefault(index, Call("", "", ""))
        if isinstance(said.get("id"), str):
            call.id = call.id or said["id"][:100]
        asked = said.get("function")
        function = cast("dict[str, Any]", asked) if isinstance(asked, dict) else {}
        call.tool = (call.tool + _whole(function.get("name")))[:100]
        arguments = _whole(function.get("arguments"))
        call.arguments += arguments
        self._length_of_arguments += len(arguments)
        if self._length_of_arguments > _MOST_ARGUMENTS:
            raise ModelFault("bad-answer", "What the model wants done does not end.")

    def answer(self, messages: list[Message]) -> Answer:
        text, calls = "".join(self._pieces), [self._calls[index] for index in sorted(self._calls)]
        for number, call in enumerate(calls):
            call.id = call.id or f"call-{number}"
        sent, got = self._usage or (
            len(json.dumps(messages)) // _GUESSED_CHARACTERS_PER_TOKEN,
            (len(text) + sum(len(call.arguments) for call in calls)) // _GUESSED_CHARACTERS_PER_TOKEN,
        )
        return Answer(text, calls, sent, got, self._finish)


def _tokens(said: int) -> int:
    """As a provider counts them, as far as that can be."""
    return max(0, min(said, _MOST_TOKENS))


def _whole(said: object) -> str:
    """The text, if it is one. JSON can name half a character, and NUL: the one can't be sent, the other not be kept."""
    return said.encode(errors="replace").decode().replace("\0", "�") if isinstance(said, str) else ""


async def _events(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The data of each server-sent event, up to the last. Source: WHATWG HTML, server-sent events."""
    kept = bytearray()
    async for piece in pieces:
        kept += piece
        *lines, rest = bytes(kept).split(b"\n")
        kept[:] = rest
        if len(kept) > _MOST_LINE:
            raise ModelFault("bad-answer", "A line of the provider's answer does not end.")
        for line in lines:
            name, _, data = line.strip().partition(b":")
            if name == b"data" and (data := data.strip()):
                if data == b"[DONE]":
                    return
                yield data


def _told(fault: Any) -> Exception:
    """A fault of the SDK, in our words."""
    if isinstance(fault, ModelFault):
        return fault
    library = _library()
    if isinstance(fault, library.APIStatusError):
        return _refusal(fault.status_code, fault)
    if isinstance(fault, library.APITimeoutError | httpx.TimeoutException):
        return _Later(ModelFault("unavailable", "The provider takes too long to answer."))
    if isinstance(fault, library.APIConnectionError):
        return _Later(ModelFault("unavailable", "The provider can't be reached."))
    if isinstance(fault, httpx.HTTPError):
        return ModelFault("cut-off", "The provider's answer broke off. Try again.")
    if isinstance(fault, library.OpenAIError):
        return ModelFault("bad-answer", f"The provider's answer can't be used: {_remark(str(fault))}")
    return fault


def _refusal(status: int, fault: Any) -> Exception:
    said: object = fault.body
    body = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    remark = _remark(body.get("message") or fault.message)
    if status in (401, 403):
        return ModelFault("key-refused", f"The provider does not take our key: {remark}")
    if status == 404:
        return ModelFault("refused", f"The provider has no such address or model: {remark}")
    if status == 413 or "context_length" in remark or "maximum context" in remark:
        return ModelFault("too-long", f"That is more than the model takes at once: {remark}")
    if status == 429:
        is_spent = "insufficient_quota" in json.dumps(body)
        why = "The provider's own limit is used up" if is_spent else "The provider is asked too often"
        limited = ModelFault("rate-limited", f"{why}: {remark}")
        return limited if is_spent else _Later(limited, _retry_after(fault))
    if status in (408, 409) or status >= 500:
        return _Later(ModelFault("unavailable", f"The provider does not answer ({status})."), _retry_after(fault))
    return ModelFault("refused", f"The provider refuses the question ({status}): {remark}")


def _retry_after(fault: Any) -> float:
    try:
        return max(0.0, min(float(fault.response.headers.get("retry-after", "0")), _LONGEST_WAIT_S))
    except ValueError:
        return 0.0


def _remark(said: object) -> str:
    """A stranger's words, short and in one line."""
    text = cast("dict[str, object]", said).get("message", "") if isinstance(said, dict) else said
    line = one_line(str(text))
    return line if len(line) <= _LONGEST_REMARK else f"{line[:_LONGEST_REMARK]}…"


@lru_cache
def _library() -> Any:
    """Loaded at the first question: it takes a second, and 40 MB."""
    return importlib.import_module("openai")


@lru_cache
def _trust() -> ssl.SSLContext:
    """Made once: it takes 30 ms."""
    return ssl.create_default_context()
