"""Pages of the web as text that a model, or a person, can read. Pure.

The tokens are found here, in time that grows with the page's length: on hostile pages the standard library's
`html.parser` takes minutes for what is a second's work (its time grows with the square), or raises.
"""

import html
import re
from collections.abc import Iterator
from urllib.parse import urljoin

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)")
_BLANKS = re.compile(r"[\s/]*")
_ATTRIBUTE = re.compile(r"([^\s=>/\"'][^\s=>/]*)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>\"'][^\s>]*))?")
_NUMBER_TOO_BIG = re.compile(r"&#[0-9xX][0-9a-fA-F]{8,};?")
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
_KNOWN = re.compile(
    r"utf-?8|utf-?16(le|be)?|us-ascii|ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d|cp125\d|koi8-[ru]|shift_jis|"
    r"euc-(jp|kr)|gb(2312|k|18030)|big5",
    re.IGNORECASE,
)
"""Encodings of texts; Python has others under the same roof, some of which take for ever."""

_UNREAD = frozenset(("script", "style", "textarea", "noframes", "xmp", "iframe"))
"""What is in them is no markup."""
_LEFT_OUT = frozenset(("svg", "math", "template", "object", "select", "canvas", "audio", "video"))
_BLOCKS = frozenset(
    "address article aside blockquote body details dd dialog div dl dt fieldset figcaption figure footer form header "
    "hgroup html main menu nav ol p section summary table tbody tfoot thead tr ul".split()
)
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_READABLE = re.compile(r"text/|application/([\w.-]+\+)?(json|xml|yaml|x-yaml|javascript|toml|x-ndjson|sql)\b|$")
_MOST_TEXT = 1_000_000


def is_html(content_type: str) -> bool:
    """Whether it is to be read with `text_of_html`."""
    return content_type.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml")


def is_readable(content_type: str) -> bool:
    """Whether it is text of some kind; what says nothing of itself may be."""
    return is_html(content_type) or _READABLE.match(content_type.strip().lower()) is not None


def decoded(body: bytes, content_type: str) -> str:
    """Its characters, in the encoding that it names if that is one of texts, else in UTF-8."""
    named = _CHARSET.search(content_type.encode()) or _CHARSET.search(body[:2048])
    encoding = named[1].decode() if named is not None else "utf-8"
    return body.decode(encoding if _KNOWN.fullmatch(encoding) else "utf-8", errors="replace")


def text_of_html(page: str, address: str) -> tuple[str, str]:
    """A page's title and its text: a line for each block, links and headings as in Markdown."""
    writer = _Writer(address)
    for name, is_end, attributes, text in _tokens(page):
        if name:
            writer.tag(name, is_end=is_end, attributes=attributes)
        else:
            writer.text(text)
        if writer.length > _MOST_TEXT:
            break
    return writer.title, writer.whole()


_Token = tuple[str, bool, dict[str, str], str]


def _tokens(page: str) -> Iterator[_Token]:
    """Tags (name, whether it ends, attributes) and the texts between them. No token is looked at twice."""
    at = 0
    while at < len(page):
        begin = page.find("<", at)
        if begin < 0:
            begin = len(page)
        if begin > at:
            yield "", False, {}, _unescaped(page[at:begin])
        if begin == len(page):
            return
        tag = _TAG.match(page, begin)
        if tag is None:
            at = _after_no_tag(page, begin)
            if at == begin + 1:
                yield "", False, {}, "<"
            continue
        name, is_end = tag[2].lower(), bool(tag[1])
        attributes, at = _attributes(page, tag.end())
        yield name, is_end, attributes, ""
        if name in _UNREAD and not is_end:
            at = _end_of(page, name, at)


def _after_no_tag(page: str, begin: int) -> int:
    """Behind a comment or a declaration; a lone sign is text."""
    if page.startswith("<!--", begin):
        end, mark = page.find("-->", begin + 4), 3
    elif page.startswith(("<!", "<?", "</"), begin):
        end, mark = page.find(">", begin), 1
    else:
        return begin + 1
    return len(page) if end < 0 else end + mark


def _attributes(page: str, at: int) -> tuple[dict[str, str], int]:
    """A tag's attributes, and where it is over."""
    found: dict[str, str] = {}
    while at < len(page):
        blanks = _BLANKS.match(page, at)
        at = blanks.end() if blanks is not None else at
        if page.startswith(">", at):
            return found, at + 1
        each = _ATTRIBUTE.match(page, at)
        if each is None:
            at += 1
            continue
        at = each.end()
        if each[1].lower() in ("href", "alt"):
            found.setdefault(each[1].lower(), _unescaped((each[2] or "").strip("\"'")))
    return found, at


def _end_of(page: str, name: str, at: int) -> int:
    end = re.compile(rf"</{name}\b", re.IGNORECASE).search(page, at)
    return len(page) if end is None else end.start()


def _unescaped(text: str) -> str:
    return html.unescape(_NUMBER_TOO_BIG.sub("�", text)) if "&" in text else text


class _Writer:
    """Writes the text of a page down as its tags come."""

    def __init__(self, address: str) -> None:
        self.title, self.length = "", 0
        self._address = address
        self._pieces: list[str] = []
        self._left_out: list[str] = []
        self._link = ""
        self._in_title = self._is_kept = False

    def tag(self, name: str, *, is_end: bool, attributes: dict[str, str]) -> None:
        if self._left_out:
            if name == self._left_out[-1]:
                self._left_out.pop() if is_end else self._left_out.append(name)
        elif name in _LEFT_OUT and not is_end:
            self._left_out.append(name)
        elif name == "title":
            self._in_title = not is_end
        elif name == "a":
            self._anchor("" if is_end else attributes.get("href", ""))
        elif name == "pre":
            self._is_kept = not is_end
            self._put("\n```\n")
        elif not is_end and name == "img" and attributes.get("alt", "").strip():
            self._put(f"({' '.join(attributes['alt'].split())})")
        else:
            self._put(_sign(name, is_end=is_end))

    def text(self, text: str) -> None:
        if self._in_title:
            self.title = (self.title + " ".join(text.split()))[:300]
        elif not self._left_out:
            self._put(text if self._is_kept else re.sub(r"\s+", " ", text))

    def whole(self) -> str:
        """All of it, without the blanks and lines that say nothing."""
        self._anchor("")
        text = re.sub(r"\[\s*\]\([^)\s]*\)", "", "".join(self._pieces))
        lines = [line.rstrip() for line in text.split("\n")]
        is_kept, told = False, list[str]()
        for line in lines:
            is_kept ^= line == "```"
            told.append(line if is_kept else re.sub(r" {2,}", " ", line).strip())
        return re.sub(r"\n{3,}", "\n\n", "\n".join(told)).strip()

    def _put(self, piece: str) -> None:
        self._pieces.append(piece)
        self.length += len(piece)

    def _anchor(self, href: str) -> None:
        if self._link:
            self._put(f"]({self._link})")
        self._link = _absolute(self._address, href)
        if self._link:
            self._put("[")


def _sign(name: str, *, is_end: bool) -> str:
    """What stands for a tag in the text."""
    if name in _HEADINGS:
        return "\n\n" if is_end else f"\n\n{_HEADINGS[name]} "
    if name in _BLOCKS:
        return "\n"
    if is_end:
        return ""
    return {"br": "\n", "hr": "\n---\n", "li": "\n- ", "td": " | ", "th": " | "}.get(name, "")


def _absolute(address: str, href: str) -> str:
    """Where a link leads, if that is a page."""
    if not href or href.startswith("#"):
        return ""
    try:
        onward = urljoin(address, href.strip())
    except ValueError:
        return ""
    return onward.replace(" ", "%20").replace(")", "%29") if onward.startswith(("http://", "https://")) else ""
