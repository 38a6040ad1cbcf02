"""The mirror of our events in NATS JetStream: what is published there was committed here before.

Nothing else of ours knows NATS (ADR-0033). A message that is sent twice has the same `Nats-Msg-Id`, and the server
drops it. A connection that breaks is not mended but made anew: what a broken one still had to say must not be said
after somebody else has gone on.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig

from backend.events.durable import SUBJECTS
from backend.models import StreamEvent

log = logging.getLogger(__name__)

STREAM = "OO_EVENTS"
_ANSWERS_WITHIN_S = 2.0
_SAME_WITHIN = timedelta(minutes=10)
"""For so long the server knows which messages it has."""
_FAULTS = (nats.errors.Error, OSError, TimeoutError)


class MirrorDown(Exception):
    """NATS does not take what it is sent: with why, in a few words."""


class NatsMirror:
    """One connection to NATS, made when it is needed."""

    def __init__(self, url: str, *, keeps: timedelta) -> None:
        self._url, self._keeps = url, keeps
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None

    async def send(self, rows: Sequence[StreamEvent], *, until_s: float) -> list[int]:
        """Publish them, one after another; returns the ids of those that the server has.

        Args:
            until_s: on the monotonic clock; none is begun so late that it could end after that.

        Raises:
            MirrorDown: it took none of them.
        """
        taken: list[int] = []
        try:
            stream = self._stream or await self._open()
            for row in rows:
                if time.monotonic() + 2 * _ANSWERS_WITHIN_S > until_s:
                    break
                await _publish(stream, row)
                taken.append(row.id)
        except _FAULTS as fault:
            await self.close()
            if not taken:
                raise MirrorDown(str(fault) or type(fault).__name__) from fault
            log.warning("NATS broke off (%s)", fault)
        return taken

    async def close(self) -> None:
        """Let go of the connection, and of all that it has not said yet."""
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            try:
                async with asyncio.timeout(_ANSWERS_WITHIN_S):
                    await client.close()
            except _FAULTS as fault:
                log.debug("NATS was gone already: %s", fault)

    async def _open(self) -> JetStreamContext:
        async with asyncio.timeout(2 * _ANSWERS_WITHIN_S):
            client: Client = await cast(Any, nats).connect(
                self._url, name="pequeroku", allow_reconnect=False, connect_timeout=2, error_cb=_note_fault
            )
            self._client = client
            stream: JetStreamContext = cast(Any, client).jetstream(timeout=_ANSWERS_WITHIN_S)
            await _ensure(stream, self._keeps)
        self._stream = stream
        return stream


async def _publish(stream: JetStreamContext, row: StreamEvent) -> None:
    """Of who is forgotten, all that came before goes first."""
    if row.type == "user_forgotten":
        user_subjects = row.subject.rpartition(".")[0] + ".>"
        await stream.purge_stream(STREAM, subject=user_subjects)
    headers = {"Nats-Msg-Id": row.event_id}
    await stream.publish(row.subject, row.payload, timeout=_ANSWERS_WITHIN_S, stream=STREAM, headers=headers)


async def _ensure(stream: JetStreamContext, keeps: timedelta) -> None:
    """Make the stream, if it is not there. One that is there stays as the operator made it."""
    try:
        await stream.stream_info(STREAM)
    except nats.js.errors.NotFoundError:
        config = StreamConfig(
            name=STREAM,
            subjects=[f"{SUBJECTS}.>"],
            storage=StorageType.FILE,
            max_age=keeps.total_seconds(),
            duplicate_window=_SAME_WITHIN.total_seconds(),
        )
        await cast(Any, stream).add_stream(config)


async def _note_fault(fault: Exception) -> None:
    log.debug("NATS: %s", fault)
