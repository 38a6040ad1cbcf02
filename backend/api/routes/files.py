"""Files and folders of a container, up and down (docs/files.md). Any size passes through a few MiB of memory."""

import json
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack
from email.utils import formatdate
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from backend.api.deps import Caller
from backend.api.problems import RESPONSES, Code, answer_for, code_of, said
from backend.api.routing import does
from backend.api.schemas.files import BODY, PACKED, REFUSED, SENT, TAKEN, ReceivedOut, UploadedOut
from backend.api.watching import Access
from backend.db import reading
from backend.guest import files_transfers as transfers
from backend.guest.files import files
from backend.guest.files_transfers import Upload
from backend.rules import paths
from backend.rules.file_refusals import FileRefused
from backend.rules.policy import Action, Actor
from backend.rules.ranges import Part, part
from backend.services import files as service


class _FileRoute(APIRoute):
    """Says more of what is refused than others, and reads no body: `upload` is what makes one a repetition."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except FileRefused as refusal:
                told = {"code": code_of(refusal), "message": refusal.message, "reason": refusal.code, **refusal.more}
                return _json({"error": told}, refusal.status)
            except Exception as fault:  # noqa: BLE001 - the edge: answer_for logs whatever is no refusal
                return answer_for(fault)

        return guarded


router = APIRouter(
    prefix="/api/containers/{container_id}", tags=["files"], route_class=_FileRoute, responses=RESPONSES | REFUSED
)

_NAME = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_BYTES = 2**44
_IMAGES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "avif": "image/avif", "bmp": "image/bmp", "ico": "image/x-icon", "svg": "image/svg+xml",
}  # fmt: skip
_CLOSED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
"""What comes out of a guest is nobody's page, whatever it says that it is."""
_Path = Annotated[str, Query(description="A path such as `/app/src`; bytes that are not UTF-8 percent-encoded.")]


_TAKES = {"openapi_extra": does(Action.CONTAINER_UPLOAD_FILE)["openapi_extra"] | BODY}


@router.post("/upload_file/", response_model=UploadedOut, responses=TAKEN, **_TAKES)
async def upload_file(
    request: Request,
    actor: Caller,
    container_id: int,
    path: _Path = "",
    size: int = -1,
    upload: str = "",
    offset: int = 0,
    sha256: str = "",
    overwrite: bool = False,
) -> Response:
    """Take a file, or a part of one, as the raw body; it stands in its place once all of it is there."""
    about = paths.outside(paths.inside(_said(request).get("path", "")))
    with Access(request, actor, container_id) as access:
        door = await service.permit(actor, container_id, Action.CONTAINER_UPLOAD_FILE, about)
        wanted = _upload(request, actor, sha256.lower(), is_over=overwrite)
        async with files().using(await door.address()) as program:
            await access.check()
            answer = await transfers.take(program, wanted, _body(request, access))
    return _json(answer, 200 if answer["done"] else 202)


@router.get("/upload_file/", response_model=ReceivedOut, **does(Action.FILE_LOOK))
async def upload_progress(request: Request, actor: Caller, container_id: int, upload: str = "") -> Response:
    """How much of an upload that broke off is there."""
    async with reading() as tx:
        door = await service.look(tx, actor, container_id)
    name = _name(actor, upload)
    async with files().using(await door.address()) as program:
        return _json({"received": await transfers.received(program, name)})


@router.delete("/upload_file/", status_code=204, **does(Action.FILE_LOOK))
async def give_up_upload(request: Request, actor: Caller, container_id: int, upload: str = "") -> Response:
    """Forget an upload that broke off."""
    async with reading() as tx:
        door = await service.look(tx, actor, container_id)
    name = _name(actor, upload)
    async with files().using(await door.address()) as program:
        await transfers.forget(program, name)
    return Response(status_code=204)


@router.get("/download_file/", response_class=Response, responses=SENT, **does(Action.CONTAINER_DOWNLOAD_FILE))
async def download_file(
    request: Request, actor: Caller, container_id: int, path: _Path = "", inline: bool = False
) -> Response:
    """A file, or the range of it that is asked for."""
    wanted = paths.inside(_said(request).get("path", ""))
    async with AsyncExitStack() as stack:
        access = stack.enter_context(Access(request, actor, container_id))
        door = await service.permit(actor, container_id, Action.CONTAINER_DOWNLOAD_FILE, paths.outside(wanted))
        program = await stack.enter_async_context(files().using(await door.address()))
        sight = await transfers.look(program, wanted)
        await access.check()
        etag = f'"{sight.revision}"'
        headers = _CLOSED | {"ETag": etag, "Accept-Ranges": "bytes", **_named(wanted, inline=inline)}
        headers["Last-Modified"] = formatdate(sight.modified / 1000, usegmt=True)
        if etag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        piece = _part(request, sight.size, etag)
        if piece is None:
            beyond = f"The file has {sight.size} bytes: that range is not in it."
            return said(Code.INVALID_REQUEST, beyond, 416, {**_CLOSED, "Content-Range": f"bytes */{sight.size}"})
        if not piece.is_whole:
            last = piece.offset + piece.length - 1
            headers["Content-Range"] = f"bytes {piece.offset}-{last}/{sight.size}"
        headers["Content-Length"] = str(piece.length)
        source = transfers.content(program, wanted, piece.offset, piece.length, sight.revision)
        return _Sent(access.guarding(source), stack.pop_all(), 200 if piece.is_whole else 206, headers)


@router.get("/download_folder/", response_class=Response, responses=PACKED, **does(Action.CONTAINER_DOWNLOAD_FOLDER))
async def download_folder(request: Request, actor: Caller, container_id: int, path: _Path = "") -> Response:
    """A folder with all that is in it, as a tar.gz."""
    wanted = paths.inside(_said(request).get("path", ""))
    async with AsyncExitStack() as stack:
        access = stack.enter_context(Access(request, actor, container_id))
        door = await service.permit(actor, container_id, Action.CONTAINER_DOWNLOAD_FOLDER, paths.outside(wanted))
        program = await stack.enter_async_context(files().using(await door.address()))
        source = transfers.folder(program, wanted)
        first = await anext(source, b"")
        await access.check()
        name = paths.outside(wanted).rpartition("/")[2]
        headers = _CLOSED | {"Content-Disposition": _attachment(f"{name}.tar.gz"), "Content-Type": "application/gzip"}
        return _Sent(access.guarding(_after(first, source)), stack.pop_all(), 200, headers)


class _Sent(StreamingResponse):
    """A stream, and what is let go of after it, however it ends."""

    def __init__(
        self, source: AsyncGenerator[bytes], stack: AsyncExitStack, status: int, headers: dict[str, str]
    ) -> None:
        super().__init__(source, status, headers, media_type=headers["Content-Type"])
        self._source, self._stack = source, stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self._source.aclose()


async def _after(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    try:
        yield first
        async for piece in rest:
            yield piece
    finally:
        await rest.aclose()


async def _body(request: Request, access: Access) -> AsyncGenerator[bytes]:
    """What comes until it ends or breaks off: what has come is kept either way."""
    try:
        async for data in request.stream():
            await access.check()
            yield data
    except ClientDisconnect:
        return


def _json(what: dict[str, Any], status: int = 200) -> Response:
    """In ASCII, as names may be no UTF-8."""
    return Response(json.dumps(what), status, media_type="application/json")


def _said(request: Request) -> dict[str, str]:
    """The query, whose bytes need be no UTF-8."""
    raw = request.scope["query_string"].decode("latin-1")
    return dict(parse_qsl(raw, keep_blank_values=True, encoding="utf-8", errors="surrogateescape"))


def _upload(request: Request, actor: Actor, sha256: str, *, is_over: bool) -> Upload:
    asked = _said(request)
    path = paths.inside(asked.get("path", ""))
    length = request.headers.get("content-length", "")
    size, offset = _number(asked, "size", length), _number(asked, "offset", "0")
    if sha256 and not _SHA256.fullmatch(sha256):
        raise FileRefused("invalid", "sha256", "it is 64 hexadecimal digits")
    if offset > size or not path:
        raise FileRefused("invalid", paths.outside(path), "give the path of a file, and an offset within it")
    given = asked.get("upload", "")
    if not given and (offset or str(size) != length):
        raise FileRefused("invalid", "upload", "name the transfer to send a file in parts")
    name = _name(actor, given) if given else f"{actor.user_id}-{secrets.token_hex(8)}-once"
    return Upload(path, name, size, offset, is_over, sha256)


def _number(said: dict[str, str], name: str, default: str) -> int:
    value = said.get(name, default)
    if not (value.isascii() and value.isdigit() and len(value) <= 15 and int(value) <= _MAX_BYTES):
        raise FileRefused("invalid", name, "it is a number of bytes")
    return int(value)


def _name(actor: Actor, upload: str) -> str:
    """One user's transfers are no other's."""
    if not _NAME.fullmatch(upload):
        raise FileRefused("invalid", "upload", "it is 8 to 64 letters, digits, - and _")
    return f"{actor.user_id}-{upload}"


def _part(request: Request, size: int, etag: str) -> Part | None:
    """All of it, too, where the range is of what it was before."""
    condition = request.headers.get("if-range", "")
    wanted = request.headers.get("range", "") if condition in ("", etag) else ""
    return part(wanted, size)


def _named(path: str, *, inline: bool) -> dict[str, str]:
    name = path.rpartition("/")[2]
    kind = _IMAGES.get(name.rpartition(".")[2].lower())
    if inline and kind is not None:
        return {"Content-Type": kind, "Content-Disposition": "inline"}
    return {"Content-Type": "application/octet-stream", "Content-Disposition": _attachment(name)}


def _attachment(name: str) -> str:
    plain = "".join(each if each.isascii() and each.isprintable() and each not in '"\\%' else "_" for each in name)
    whole = quote(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"
