"""What we say ourselves on a preview's origin: plain pages that tell what to do."""

from html import escape

from backend.rules.preview_headers import Headers, framing

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{again}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1.5rem }}
h1 {{ font-size: 1.3rem }} p {{ opacity: .8 }}
</style></head>
<body><main><h1>{title}</h1><p>{words}</p>{link}</main></body></html>
"""


def page(title: str, words: str, *, link: tuple[str, str] | None = None, again_s: int = 0) -> bytes:
    """A page with one thought, and perhaps one link (its words, its address). `again_s`: it reloads itself."""
    again = f'<meta http-equiv="refresh" content="{again_s}">' if again_s else ""
    anchor = f'<p><a href="{escape(link[1])}" target="_top">{escape(link[0])}</a></p>' if link else ""
    return _PAGE.format(title=escape(title), words=escape(words), link=anchor, again=again).encode()


def headers(body: bytes, frames: tuple[str, ...]) -> Headers:
    """The headers of such a page."""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; {framing(frames)}"
    return [
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"Content-Length", str(len(body)).encode()),
        (b"Content-Security-Policy", policy.encode()),
        (b"Cache-Control", b"no-store"),
        (b"Referrer-Policy", b"no-referrer"),
        (b"X-Content-Type-Options", b"nosniff"),
    ]
