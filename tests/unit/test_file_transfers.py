"""Files and folders over HTTP, up and down, with the real program behind it."""

import hashlib
import io
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some

from backend.api.schemas.files import FileProblem
from backend.db import transaction
from backend.rules.ranges import Part, part
from backend.services import sharing
from tests.asgi import ORIGIN
from tests.file_scene import Scene, scene  # noqa: F401 - a fixture

BIG = bytes(range(256)) * 12_000  # 3 MB: more than is ever on the way at once


class Client:
    """Somebody's requests."""

    def __init__(self, scene: Scene, who: str = "owner") -> None:  # noqa: F811
        transport = httpx.ASGITransport(app=scene.api, raise_app_exceptions=False)
        headers = {"cookie": f"sid={scene.sids[who]}", "origin": ORIGIN}
        self._client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)
        self._base = f"/api/containers/{scene.container_id}"

    async def up(self, query: str, content: Any = b"") -> httpx.Response:
        return await self._client.post(f"{self._base}/upload_file/?{query}", content=content)

    async def progress(self, name: str) -> Any:
        return (await self._client.get(f"{self._base}/upload_file/?upload={name}")).json()

    async def forget(self, name: str) -> int:
        return (await self._client.delete(f"{self._base}/upload_file/?upload={name}")).status_code

    async def down(self, query: str, what: str = "file", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._client.get(f"{self._base}/download_{what}/?{query}", headers=named)


@pytest.fixture
async def client(scene: Scene) -> AsyncGenerator[Client]:  # noqa: F811
    scene.root.mkdir()
    made = Client(scene)
    yield made
    await made._client.aclose()


async def _broken(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_a_file_goes_up_in_parts_and_stands_there_when_all_has_come(scene: Scene, client: Client) -> None:  # noqa: F811
    query = f"path=/app/deep/er/big.bin&size={len(BIG)}&upload=transfer-1"
    first = await client.up(f"{query}&offset=0", BIG[:1_000_000])
    assert (first.status_code, first.json()) == (202, {"received": 1_000_000, "done": False})
    assert not (scene.root / "deep" / "er" / "big.bin").exists()
    assert await client.progress("transfer-1") == {"received": 1_000_000}
    wrong = await client.up(f"{query}&offset=5", BIG[5:])
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (409, "conflict")
    assert wrong.json()["error"]["received"] == 1_000_000
    digest = hashlib.sha256(BIG).hexdigest()
    last = await client.up(f"{query}&offset=1000000&sha256={digest}", BIG[1_000_000:])
    assert (last.status_code, last.json()["done"]) == (200, True)
    assert (scene.root / "deep" / "er" / "big.bin").read_bytes() == BIG
    assert await client.progress("transfer-1") == {"received": 0}
    said = [row.message for row in await scene.rows() if row.action == "container.upload_file"]
    assert said == ["/app/deep/er/big.bin"]


async def test_nothing_is_overwritten_unasked(scene: Scene, client: Client) -> None:  # noqa: F811
    (scene.root / "a").write_text("mine")
    (scene.root / "a").chmod(0o755)
    (scene.root / "folder").mkdir()
    assert (await client.up("path=/app/a", b"theirs")).json()["error"]["reason"] == "exists"
    assert (await client.up("path=/app/folder&overwrite=true", b"x")).json()["error"]["reason"] == "is_a_folder"
    bad = await client.up(f"path=/app/a&overwrite=true&sha256={'0' * 64}", b"theirs")
    assert (bad.status_code, (scene.root / "a").read_text()) == (409, "mine")
    assert (await client.up("path=/app/a&overwrite=true", b"theirs")).json()["done"] is True
    assert ((scene.root / "a").read_text(), (scene.root / "a").stat().st_mode & 0o777) == ("theirs", 0o755)
    assert (await client.up("path=/app/empty", b"")).json()["size"] == 0
    assert await client.forget("nothing-there") == 204
    for query in (
        "path=/etc/x",
        "path=/app",
        "path=/app/x&size=-1",
        "path=/app/x&size=9&upload=short",
        "path=/app/x&size=9",
    ):
        assert (await client.up(query, b"x")).status_code == 422, query
    assert (await client.up("path=/app/x&size=2&upload=too-much-1", b"xxx")).status_code == 422


async def test_a_file_comes_down_whole_in_part_or_not_at_all(scene: Scene, client: Client) -> None:  # noqa: F811
    (scene.root / "größer ✓.bin").write_bytes(BIG)
    whole = await client.down("path=/app/gr%C3%B6%C3%9Fer%20%E2%9C%93.bin")
    assert (whole.status_code, whole.content == BIG) == (200, True)
    assert whole.headers["content-length"] == str(len(BIG))
    assert "sandbox" in whole.headers["content-security-policy"]
    assert "filename*=UTF-8''gr%C3%B6%C3%9Fer" in whole.headers["content-disposition"]
    etag = whole.headers["etag"]
    query = "path=größer ✓.bin&inline=1"
    some_of_it = await client.down(query, range="bytes=1000000-1999999", if_range=etag)
    assert (some_of_it.status_code, some_of_it.content == BIG[1_000_000:2_000_000]) == (206, True)
    assert some_of_it.headers["content-range"] == f"bytes 1000000-1999999/{len(BIG)}"
    assert (await client.down(query, range="bytes=0-1", if_range='"other"')).status_code == 200
    assert (await client.down(query, range="bytes=9999999-")).status_code == 416
    assert (await client.down(query, if_none_match=etag)).status_code == 304
    assert (await client.down("path=/app/nothing")).json()["error"]["code"] == "not_found"
    assert (await client.down("path=/app/")).json()["error"]["reason"] == "is_a_folder"
    (scene.root / "x.svg").write_text("<svg/>")
    assert (await client.down("path=x.svg&inline=1")).headers["content-type"] == "image/svg+xml"
    assert (await client.down("path=x.svg")).headers["content-disposition"].startswith("attachment")
    (scene.root / "x.html").write_text("<script>")
    assert (await client.down("path=x.html&inline=1")).headers["content-type"] == "application/octet-stream"


async def test_names_that_are_no_utf_8_go_up_and_down(scene: Scene, client: Client) -> None:  # noqa: F811
    assert (await client.up("path=/app/caf%E9", b"bytes")).json()["path"] == "/app/caf\udce9"
    assert (await client.down("path=/app/caf%E9")).content == b"bytes"


async def test_a_folder_comes_down_with_its_links_as_links(scene: Scene, client: Client) -> None:  # noqa: F811
    (scene.root / "src" / "deep").mkdir(parents=True)
    (scene.root / "src" / "deep" / "big").write_bytes(BIG)
    (scene.root / "src" / "out").symlink_to("/etc/passwd")
    for path, names in (("/app/src", {"src", "src/deep", "src/deep/big", "src/out"}), ("/app", None)):
        answer = await client.down(f"path={path}", "folder")
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
            found = {each.name.removeprefix("./"): each for each in tar}
            if names:
                assert found.keys() == names
                assert found["src/out"].issym()
                assert tar.extractfile(found["src/deep/big"]).read() == BIG
    assert (await client.down("path=/app/src/out", "folder")).json()["error"]["reason"] == "outside"
    assert (await client.down("path=/app/src/deep/big", "folder")).json()["error"]["reason"] == "not_a_folder"


async def test_transfers_answer_as_the_description_says(scene: Scene, client: Client) -> None:  # noqa: F811
    (scene.root / "a.png").write_bytes(b"picture")
    up = "path=/app/b&size=4&upload=transfer-7&"
    answers = {
        "post upload_file": [
            await client.up(f"{up}offset=0", b"ab"),
            await client.up(f"{up}offset=3", b"d"),
            await client.up(f"{up}offset=2", b"cd"),
            await client.up("path=/app/b", b"x"),
            await client.up("path=/app/b&overwrite=true", b"x"),
            await client.up("path=/app/b&overwrite=perhaps", b"x"),
            await client.up("path=/app/c&sha256=x", b"x"),
            await client.up("path=/etc/c", b"x"),
        ],
        "get download_file": [
            await client.down("path=/app/b"),
            await client.down("path=/app/a.png&inline=1"),
            await client.down("path=/app/a.png", range="bytes=1-2"),
            await client.down("path=/app/a.png", range="bytes=99-"),
            await client.down("path=/app/nothing"),
        ],
        "get download_folder": [await client.down("path=/app", "folder"), await client.down("path=/app/b", "folder")],
    }
    statuses = [[each.status_code for each in came] for came in answers.values()]
    assert statuses == [[202, 409, 200, 409, 200, 422, 422, 422], [200, 200, 206, 416, 404], [200, 409]]
    described = scene.api.openapi()["paths"]
    for asked, came in answers.items():
        method, what = asked.split()
        said = described[f"/api/containers/{{container_id}}/{what}/"][method]["responses"]
        for each in came:
            kinds, kind = said[str(each.status_code)]["content"], each.headers["content-type"]
            assert kind in kinds or (kind == "image/png" and "image/*" in kinds), (asked, each.status_code, kind)
            if each.status_code >= 400:
                assert FileProblem.model_validate(each.json()).error.message
    assert answers["post upload_file"][3].json()["error"]["reason"] == "exists"


async def test_a_transfer_ends_when_the_share_does(scene: Scene, client: Client) -> None:  # noqa: F811
    friend = Client(scene, "friend")

    async def slowly() -> AsyncIterator[bytes]:
        yield BIG[:300_000]
        async with transaction() as tx:
            shares = await sharing.list_shares(tx, scene.owner, scene.container_id)
            await sharing.unshare(tx, scene.owner, scene.container_id, shares[0].id)
        yield BIG[300_000:]

    answer = await friend.up(f"path=/app/x&size={len(BIG)}&upload=while-shared", slowly())
    assert (answer.status_code, (scene.root / "x").exists()) == (404, False)
    assert (await friend.down("path=/app/x")).status_code == 404


@given(some.text(some.sampled_from("bytes=-, 0123456789"), max_size=20), some.integers(0, 1000))
def test_whatever_range_is_asked_for_lies_within_the_file(header: str, size: int) -> None:
    found = part(header, size)
    if found is not None:
        assert 0 <= found.offset <= found.offset + found.length <= size


def test_ranges_are_understood_as_the_standard_says() -> None:
    assert part("bytes=0-99", 1000) == Part(0, 100)
    assert part("bytes=900-2000", 1000) == Part(900, 100)
    assert part("bytes=-100", 1000) == Part(900, 100)
    assert part("bytes=1000-", 1000) is None
    assert part("bytes=5-1", 1000) == Part(0, 1000, is_whole=True)
    assert part("bytes=0-1,5-6", 1000) == Part(0, 1000, is_whole=True)
