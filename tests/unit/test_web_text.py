"""Pages of the web as text: what they say, and that no page takes for ever."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rules.web_text import decoded, is_html, is_readable, text_of_html

_PAGE = """<!doctype html><html><head><title>Ports &amp; paths</title><style>p { color: red }</style></head><body>
<!-- not shown --><nav><a href="#top">Up</a> <a href='/'>Home</a></nav>
<h2>How   it <em>works</em></h2><p>First,
 read <a href="guide/a%20b.html">the guide</a>.<br>Then <a href="javascript:alert(1)">click</a>.
<ul><li>one<li>two</ul><pre>def f():
    return 1 &lt; 2</pre><script>if (a < b) document.write("<p>no</p>")</script>
<table><tr><th>Key<th>Value<tr><td>a<td>1</table><svg><text>drawn</text></svg><img src=x alt="A  picture"></body>"""


def test_a_page_is_told_as_it_reads() -> None:
    title, text = text_of_html(_PAGE, "https://docs.example/x/y")
    assert title == "Ports & paths"
    assert text.splitlines() == [
        "Up [Home](https://docs.example/)", "", "## How it works", "",
        "First, read [the guide](https://docs.example/x/guide/a%20b.html).", "Then click.", "", "- one", "- two",
        "", "```", "def f():", "    return 1 < 2", "```", "", "| Key | Value", "| a | 1", "(A picture)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "piece",
    [
        "<!--", "<a ", "</", "<![", "<![CDATA[", "<!", "<?", "<a b=", "<a x='", '<a x="', "<script>", "</a ", "<a/",
        "&", "&#9", "&#x", "<svg>", "<a href=x>", "<title>", "<pre>", "<p>", "[ ](", "< ", "<a b =  ", "\n", "<li ",
    ],
)  # fmt: skip
def test_no_page_takes_for_ever(piece: str) -> None:
    began = time.process_time()
    text_of_html((piece * 500_000)[:500_000], "https://docs.example/")
    assert time.process_time() - began < 5


@given(st.text(alphabet="<>/!-a=\"' &#;[]x\n", max_size=200))
def test_any_text_is_a_page(page: str) -> None:
    title, text = text_of_html(page, "https://docs.example/")
    assert all("\n\n\n" not in each for each in (title, text))


@given(st.binary(max_size=200), st.text(max_size=60))
def test_any_bytes_are_text(body: bytes, kind: str) -> None:
    decoded(body, kind).encode()  # no half of a character is left that could not be stored or sent


def test_it_is_read_in_the_encoding_that_it_names() -> None:
    assert decoded("grün".encode("latin-1"), "text/html; charset=ISO-8859-1") == "grün"
    assert decoded('<meta charset="windows-1251">да'.encode("cp1251"), "text/html").endswith("да")
    for name in ("punycode", "idna", "rot13", "zlib", "unicode_escape", "nonsense"):
        assert decoded("grün".encode(), f"text/plain; charset={name}") == "grün"


def test_what_is_text_is_known_by_its_type() -> None:
    assert is_html("Text/HTML; charset=utf-8")
    for kind in ("text/plain", "application/json", "application/ld+json", "application/xhtml+xml", ""):
        assert is_readable(kind), kind
    for kind in ("image/png", "application/octet-stream", "application/pdf", "video/mp4", "application/jsonx"):
        assert not is_readable(kind), kind
