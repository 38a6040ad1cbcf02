"""Addresses of previews, headers on both ways, `/app/config.json`, and what `ss` prints."""

from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import Invalid
from backend.guest.ports import Port, parse
from backend.rules import previews, run_config
from backend.rules.preview_headers import Between, Headers, cookies_of, to_browser, to_guest
from backend.rules.previews import Place

_ORIGIN = "http://p8080-00000000000000000000000000000001.localhost:8001"
_BETWEEN = Between(_ORIGIN, 8080, "203.0.113.7", ("http://localhost:8000",), is_secure=True)
_NAMES = st.sampled_from([b"cookie", b"host", b"connection", b"x-a", b"te", b"origin", b"set-cookie", b"location"])
_HEADERS = st.lists(st.tuples(_NAMES, st.binary(max_size=40)), max_size=12)


@given(st.uuids(), st.integers(1, 65535))
def test_an_address_names_its_place_and_nothing_else_does(uuid: UUID, port: int) -> None:
    place = Place(uuid, port)
    if port in (22, 25):
        assert previews.place_of(place.label) is None
        return
    assert previews.place_at(f"{place.label.upper()}.LOCALHOST:8001", "localhost") == place
    assert previews.place_at(f"{place.label}.example.org", "example.org:8443") == place
    assert len(place.label) <= 63


@given(st.text(max_size=80))
def test_whatever_else_a_browser_says_is_no_place(text: str) -> None:
    assert previews.place_at(text, "localhost") is None
    assert previews.place_at(f"{text}.localhost.", "localhost") is None


@given(st.text(max_size=60))
def test_a_path_to_go_on_to_never_leaves_the_origin(text: str) -> None:
    for raw in (text, f"/{text}"):
        path = previews.local_path(raw)
        assert path.startswith("/")
        assert not path.startswith(("//", "/_pequeroku/"))
        assert not set("\\\r\n\t ") & set(path)


@given(_HEADERS)
def test_no_secret_of_ours_reaches_a_program_however_it_is_sent(headers: Headers) -> None:
    secret = (b"cookie", b'a=1;sid=SECRET; pqk_preview = SECRET ;b=2;  sid="SECRET"')
    said = to_guest([*headers, secret], _BETWEEN)
    assert not any(b"SECRET" in value for _, value in said)
    assert [value for name, value in said if name == b"Host"] == [b"localhost:8080"]
    assert [value for name, value in said if name.lower() == b"connection"] == [b"close"]
    assert any(b"a=1" in value and b"b=2" in value for name, value in said if name == b"Cookie")


@given(_HEADERS)
def test_no_answer_sets_a_cookie_beyond_its_origin(headers: Headers) -> None:
    for name, value in to_browser(headers, _BETWEEN):
        if name == b"set-cookie":
            crumb, *attributes = value.lower().split(b";")
            assert crumb.partition(b"=")[0].strip() not in (b"sid", b"pqk_preview")
            assert not any(each.strip().startswith(b"domain") for each in attributes)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("http://localhost:8080/a?b", f"{_ORIGIN}/a?b"), ("http://127.0.0.1:8080", _ORIGIN), ("/a", "/a"), ("b", "b"),
        ("http://[::1]:8080/", f"{_ORIGIN}/"), ("http://localhost:80801/", "http://localhost:80801/"),
        ("http://localhost:9090/", "http://localhost:9090/"), ("http://localhost/", "http://localhost/"),
        ("http://localhost:8080.evil.example/", "http://localhost:8080.evil.example/"),
        ("https://elsewhere.example/", "https://elsewhere.example/"),
    ],
)  # fmt: skip
def test_a_redirect_to_itself_stays_on_the_previews_origin(said: str, expected: str) -> None:
    assert to_browser([(b"location", said.encode())], _BETWEEN)[0] == (b"location", expected.encode())


def test_a_program_is_told_who_visits_and_nobody_else_can_say_so() -> None:
    lies: Headers = [(b"x-forwarded-for", b"1.2.3.4"), (b"forwarded", b"for=1.2.3.4"), (b"x-forwarded-host", b"evil")]
    said = dict(to_guest(lies, _BETWEEN))
    assert said[b"X-Forwarded-For"] == b"203.0.113.7"
    assert said[b"X-Forwarded-Proto"] == b"http"
    assert said[b"X-Forwarded-Host"] == _ORIGIN.partition("//")[2].encode()
    assert not any(b"1.2.3.4" in value or b"evil" in value for value in said.values())


def test_what_is_for_the_next_hop_goes_no_further() -> None:
    headers: Headers = [(b"connection", b"keep-alive, x-mine"), (b"x-mine", b"1"), (b"te", b"trailers"), (b"x", b"2")]
    names = [name.lower() for name, _ in to_guest([*headers, (b"upgrade", b"h2c")], _BETWEEN)]
    assert b"x" in names
    assert not {b"x-mine", b"te", b"upgrade"} & set(names)


def test_every_cookie_of_our_name_is_looked_at() -> None:
    assert cookies_of([(b"cookie", b"pqk_preview=a; x=1"), (b"cookie", b"pqk_preview=b")]) == ["a", "b"]


def test_cookies_work_in_a_frame_where_browsers_keep_them_apart() -> None:
    in_frame = dict(to_browser([(b"set-cookie", b"a=1; SameSite=Lax; Path=/")], _BETWEEN))
    assert in_frame[b"set-cookie"] == b"a=1; Path=/; SameSite=None; Secure; Partitioned"
    plain = Between(_ORIGIN, 8080, "", (), is_secure=False)
    assert dict(to_browser([(b"set-cookie", b"a=1; SameSite=Lax")], plain))[b"set-cookie"] == b"a=1; SameSite=Lax"


def test_a_config_says_what_to_run_and_where_it_shows() -> None:
    assert run_config.parse(b'{"run": "make", "port": 3000}') == run_config.RunConfig("make", 3000)
    assert run_config.parse(b'{"run": "make", "other": 1}') == run_config.RunConfig("make", None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not JSON"), (b"{", "line 1"), (b"[]", "an object"), (b"{}", "“run”"), (b'{"run": " "}', "“run”"),
        (b'{"run": 1}', "“run”"), (b'{"run": "x", "port": "80"}', "without quotes"), (b"\xff", "is not JSON"),
        (b'{"run": "x", "port": 0}', "1 to 65535"), (b'{"run": "x", "port": 22}', "SSH"), (b"[" * 60_000, "not JSON"),
        (b'{"run": "x", "port": true}', "number"), (b" " * 70_000, "larger"), (b'{"run": "\\ud800"}', "half"),
        (b'{"run": "a\\u0000b"}', "script"), (b'{"run": "x", "port": 1.5}', "number"),
    ],
)  # fmt: skip
def test_a_config_that_is_wrong_is_refused_with_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        run_config.parse(data)


@given(st.binary(max_size=200))
def test_no_config_is_more_than_refused(data: bytes) -> None:
    with suppress(Invalid):
        assert run_config.parse(data).command


_SS = b"""\
LISTEN 0      128        127.0.0.1:8000      0.0.0.0:*    users:(("python3",pid=1,fd=3),("python3",pid=2,fd=3))
LISTEN 0      128             [::]:8000         [::]:*    users:(("python3",pid=1,fd=4))
LISTEN 0      4096               *:3000            *:*    users:(("node \\"x\\"",pid=9,fd=18))
LISTEN 0      4096  127.0.0.53%lo:53        0.0.0.0:*
LISTEN 0      4096      10.213.0.7:9000      0.0.0.0:*    users:(("far",pid=9,fd=18))
LISTEN 0      1          127.0.0.1:22       0.0.0.0:*
"""


def test_what_listens_on_the_loopback_is_listed_once_with_its_name() -> None:
    assert parse(_SS) == [Port(22, ""), Port(3000, 'node \\"x\\"'), Port(8000, "python3")]


@given(st.binary(max_size=300))
def test_a_listing_that_a_guest_made_up_is_read_as_far_as_it_goes(data: bytes) -> None:
    for port in parse(data + b'\nLISTEN 0 1 *:99999 *:* x\nLISTEN 0 1 *:7 *:* (("\x1b[2J",' + data):
        assert 1 <= port.port <= 65535
        assert port.process.isprintable()


def test_labels_differ_by_container_and_port() -> None:
    assert Place(uuid4(), 80).label != Place(uuid4(), 80).label
