"""The tip's page is drawn by the server: what stands is in the first bytes that a browser gets (ADR-0032).

Reflex builds the page with an empty face. Here that is filled on its way out; tip.jsx takes over what it finds.
"""

import json
import re
from dataclasses import asdict
from html import escape
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.tips.face import standing_for
from backend.tips.views import TipView
from pequeroku_ui.guard import sid_of

PATHS = frozenset({"/tip", "/tip/"})
_FACE = re.compile(r'(<main[^>]*\bid="tip"[^>]*>)(</main>)')
_NOT_OURS = frozenset({b"if-none-match", b"if-modified-since", b"range", b"accept-encoding"})
"""The file's own answers to these would be about the empty face."""
_CLOCK = (
    '<h1 class="oo-clock"><time></time></h1><script>document.querySelector(".oo-clock time").textContent='
    'new Date().toLocaleTimeString([],{hour:"2-digit",minute:"2-digit"})</script>'
)
_ANSWERS = (("done", "Done", "D"), ("later", "Later", "L"), ("not_for_me", "Not for me", "N"))


async def serve(inner: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the built page, its face filled for who asks."""
    headers = Headers(scope=scope)
    plain = [(name, value) for name, value in scope["headers"] if name.lower() not in _NOT_OURS]
    # Without the server's extensions: with "pathsend" a file is answered by its name, and its bytes never pass here.
    bare = {**scope, "path": "/tip/", "raw_path": b"/tip/", "headers": plain, "extensions": {}}
    status, body = await _built(bare, inner, receive)
    client = scope.get("client")
    sid = sid_of(headers.get("cookie", ""))
    tip = await standing_for(sid, ip=client[0] if client else "", user_agent=headers.get("user-agent", ""))
    answer = Response(filled(body.decode(), tip), status, media_type="text/html")
    await answer(scope, receive, send)


def filled(page: str, tip: TipView | None) -> str:
    """The page with the tip in it, or with the time."""
    face = _drawn(tip) if tip is not None else _CLOCK
    said = f"<script>window.ooTip={_as_script(tip)}</script>"
    return _FACE.sub(lambda found: f"{found[1]}{face}{said}{found[2]}", page, count=1)


def _drawn(tip: TipView) -> str:
    """As tip.jsx draws it."""
    press = ""
    if tip.action is not None:
        press = f'<button type="button" class="oo-act">{escape(tip.action.label)}</button>'
    answers = "".join(
        f'<button type="button" data-answer="{kind}" aria-keyshortcuts="{key}">{label} <kbd>{key}</kbd></button>'
        for kind, label, key in _ANSWERS
    )
    return (
        f'<div class="oo-say" role="status"><h1 class="oo-sentence">{escape(tip.sentence)}</h1></div>'
        f'<div class="oo-press">{press}</div><div class="oo-answers" role="group" aria-label="Your answer">{answers}'
        '</div><details class="oo-why"><summary aria-label="Why this tip"><span></span></summary></details>'
    )


def _as_script(tip: TipView | None) -> str:
    """JSON that no sentence can end the script element with."""
    said: Any = asdict(tip) if tip is not None else None
    return json.dumps(said, default=str).replace("<", "\\u003c").replace("\u2028", " ").replace("\u2029", " ")


async def _built(scope: Scope, inner: ASGIApp, receive: Receive) -> tuple[int, bytes]:
    """The page as it was built."""
    status, pieces = 500, list[bytes]()

    async def keep(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = int(message["status"])
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))

    await inner(scope, receive, keep)
    return status, b"".join(pieces)
