"""A provider that means us harm: endless, silent, or saying what nobody asked for. All it gets is a sentence."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet

from backend.db import transaction
from backend.errors import PequerokuError
from backend.rules.policy import NOBODY, SYSTEM
from backend.services import config, external, oidc
from backend.services.oidc import Begun, Provider
from tests.people import visitor

_KEY = ECKey.generate_key("P-256", {"kid": "1", "alg": "ES256", "use": "sig"})
_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


@dataclass
class Evil:
    """A server on loopback that answers each path as it is told; b"" is silence, and None: it talks for ever."""

    port: int = 0
    answers: dict[str, bytes | None] = field(default_factory=dict)
    sent: int = 0

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def provider(self) -> Provider:
        return Provider("oidc", "Evil", self.issuer, "us", "a secret")

    def says(self, path: str, what: Any) -> None:
        body = json.dumps(what).encode()
        self.answers[path] = _JSON + f"Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            answer = self.answers.get(path, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
            if answer == b"":
                await reader.read()
            elif answer is not None:
                writer.write(answer)
                await writer.drain()
            else:
                writer.write(_JSON + b"\r\n[")
                while True:
                    writer.write(b" " * 65536)
                    self.sent += 65536
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@pytest.fixture
async def evil(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Evil]:
    monkeypatch.setattr(oidc, "_TIMEOUT_S", 0.5)
    made = Evil()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    _well(made)
    yield made
    server.close()


_META = "/.well-known/openid-configuration"


def _well(evil: Evil) -> None:
    """As a good one would."""
    meta = {"issuer": evil.issuer, "authorization_endpoint": f"{evil.issuer}/a", "token_endpoint": f"{evil.issuer}/t"}
    evil.says(_META, meta | {"jwks_uri": f"{evil.issuer}/k"})
    evil.says("/k", KeySet([_KEY]).as_dict(private=False))
    evil.says("/t", {"access_token": "x", "token_type": "Bearer", "id_token": _token(evil)})


def _token(evil: Evil, **changes: Any) -> str:
    at = int(time.time())
    claims = {"iss": evil.issuer, "sub": "1", "aud": "us", "exp": at + 60, "iat": at, "nonce": "n"} | changes
    return jws.serialize_compact({"alg": "ES256", "kid": "1"}, json.dumps(claims), _KEY, algorithms=["ES256"])


async def _redeem(evil: Evil) -> external.Person | str:
    begun = Begun("oidc", "state", "n", "verifier", time.time() + 60)
    try:
        async with asyncio.timeout(10):
            return await oidc.redeem(evil.provider, "http://localhost/cb", begun, "code")
    except PequerokuError as refusal:
        return refusal.code


async def test_a_good_one_is_believed(evil: Evil) -> None:
    assert await _redeem(evil) == external.Person(evil.issuer, "1", "", "", "")


@pytest.mark.parametrize("path", [_META, "/t", "/k"])
@pytest.mark.parametrize(
    "answer",
    [
        b"", None, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n",
        _JSON + b"Content-Length: 1000000000000\r\n\r\n{",
        _JSON + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 2**24),
        _JSON + b"\r\n" + b"[" * 200_000, _JSON + b"\r\n[]", _JSON + b"\r\n7", _JSON + b'\r\n"x"', _JSON + b"\r\nnull",
        _JSON + b'\r\n{"keys": [7], "id_token": 7, "issuer": []}', _JSON + b'\r\n{"keys": 7, "id_token": {}}',
        b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ],
)  # fmt: skip
async def test_whatever_it_answers_is_a_sentence_for_the_person(evil: Evil, path: str, answer: bytes | None) -> None:
    evil.answers[path] = answer
    assert await _redeem(evil) in ("upstream-fault", "not-confirmed")
    assert evil.sent < 16 * 1024 * 1024


@pytest.mark.parametrize("end", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "address", [None, 7, "", "ftp://127.0.0.1/", "file:///etc/passwd", "javascript:alert(1)", "//x"]
)
async def test_an_end_that_is_no_address_of_the_web_is_not_used(evil: Evil, end: str, address: Any) -> None:
    meta = dict.fromkeys(("authorization_endpoint", "token_endpoint", "jwks_uri"), f"{evil.issuer}/x")
    evil.says(_META, meta | {"issuer": evil.issuer, end: address})
    assert await _redeem(evil) == "upstream-fault"
    with pytest.raises(PequerokuError):
        await oidc.begin(evil.provider, "http://localhost/cb")


@pytest.mark.parametrize("sub", ["\x00", "a\nb", "\ud800", "a\u202eb", "x" * 256, ""])
async def test_a_subject_that_no_database_holds_or_that_hides_is_nobody(evil: Evil, sub: str) -> None:
    evil.says("/t", {"access_token": "x", "token_type": "Bearer", "id_token": _token(evil, sub=sub)})
    assert await _redeem(evil) == "not-confirmed"


@pytest.mark.parametrize(
    "email", ["a\nBcc: x@evil.example", "\ud800@x", "<script>@x", "x" * 300 + "@x", ["a@x"], 7, {}]
)
async def test_an_address_that_is_none_is_left_out(evil: Evil, email: Any) -> None:
    evil.says("/t", {"access_token": "x", "token_type": "Bearer", "id_token": _token(evil, email=email, name="\x00A")})
    person = await _redeem(evil)
    assert isinstance(person, external.Person)
    assert person.email == ""


async def test_a_newcomer_of_any_name_gets_an_account_with_a_plain_one(database: str, evil: Evil) -> None:
    async with transaction() as tx:
        await config.set_config(tx, SYSTEM, "sign_up", "open")
    for number, (handle, name) in enumerate(
        [("admin", "\u202eA"), ("\u0430dmin", "\x00"), ("../..", "x" * 900), ("", "")]
    ):
        person = external.Person(evil.issuer, f"s{number}", "", name, handle)
        async with transaction() as tx:
            await external.enter(tx, NOBODY, person)
    async with visitor() as client:
        assert (await client.get("/api/health")).status_code == 200
