"""A push service on loopback, and a browser that subscribes there: it checks who sends, and reads what was sent."""

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Browser:
    """Its keys never leave it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._key, self._auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)

    @property
    def said(self) -> dict[str, str]:
        """As `PushSubscription.toJSON()` has it, flat."""
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "p256dh": _text(point), "auth": _text(self._auth)}

    def read(self, body: bytes) -> dict[str, Any]:
        return json.loads(http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm"))


@dataclass
class PushServer:
    """`answer` is what it says to a message that is signed as it should be; to another one it says 403."""

    public_key: str = ""
    port: int = 0
    answer: bytes = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"
    answers_after_s: float = 0.0
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def browser(self, name: str = "a") -> Browser:
        return Browser(f"http://127.0.0.1:{self.port}/send/{name}")

    def will_say(self, status: str, **headers: str) -> None:
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.answer = f"HTTP/1.1 {status}\r\n{more}content-length: 0\r\n\r\n".encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            await asyncio.sleep(self.answers_after_s)
            if self._is_signed(headers):
                self.got.append((first.split()[1], headers, body))
                writer.write(self.answer)
            else:
                writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _is_signed(self, headers: dict[str, str]) -> bool:
        """By the key that browsers subscribed for, for this server, and not for long (RFC 8292)."""
        scheme, _, rest = headers["authorization"].partition(" ")
        said = dict(part.strip().split("=", 1) for part in rest.split(","))
        head, claims, signature = said["t"].split(".")
        raw = _raw(signature)
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _raw(self.public_key))
        numbers = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        try:
            key.verify(encode_dss_signature(*numbers), f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        named = json.loads(_raw(claims))
        return (
            scheme == "vapid"
            and said["k"].rstrip("=") == self.public_key
            and named["aud"] == f"http://127.0.0.1:{self.port}"
            and 0 < named["exp"] - time.time() <= 24 * 3600
            and named["sub"].startswith(("mailto:", "https:"))
            and 0 < int(headers["ttl"]) <= 3600
        )


@asynccontextmanager
async def push_server(public_key: str) -> AsyncGenerator[PushServer]:
    """One that runs for the length of the block."""
    made = PushServer(public_key)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
