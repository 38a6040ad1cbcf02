"""The way out: no spelling, name or redirect leads to what is beside us."""

import datetime
import ssl
import time
from collections.abc import AsyncGenerator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import Invalid, OutOfTime, PequerokuError, UpstreamFault
from backend.outward import Outward, Page
from backend.rules.internet import is_public
from tests.web_server import Sent, Site, served, way_to

_HERE = "127.0.0.5"
_OURS = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/29",
    "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
_OURS_V6 = ["::/8", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:db8::/32", "100::/64", "64:ff9b:1::/48"]

_private_v4 = st.sampled_from(_OURS).flatmap(lambda net: st.ip_addresses(v=4, network=IPv4Network(net)))
_private_v6 = st.sampled_from(_OURS_V6[1:]).flatmap(lambda net: st.ip_addresses(v=6, network=IPv6Network(net)))


@given(_private_v4)
def test_no_private_address_is_public_in_any_disguise(ip: IPv4Address) -> None:
    number = int(ip)
    disguises = [
        IPv6Address((0xFFFF << 32) | number),  # mapped
        IPv6Address(number),  # compatible
        IPv6Address((0x64FF9B << 96) | number),  # NAT64
        IPv6Address((0x2002 << 112) | (number << 80) | 1),  # 6to4
        IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (number ^ 0xFFFFFFFF)),  # Teredo
    ]
    for each in (ip, *disguises):
        assert not is_public(str(each)), each
        assert not is_public(f"{each}%eth0"), each


@given(_private_v6)
def test_no_private_address_of_version_6_is_public(ip: IPv6Address) -> None:
    assert not is_public(str(ip))


@given(st.ip_addresses(v=6))
def test_what_is_public_is_global_unicast_or_leads_to_a_public_address(ip: IPv6Address) -> None:
    if is_public(str(ip)):
        inner = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in IPv6Network("64:ff9b::/96") else None)
        assert is_public(str(inner)) if inner else ip in IPv6Network("2000::/3")


@given(st.text(max_size=60))
def test_what_is_no_address_is_not_public(text: str) -> None:
    try:
        IPv4Address(text)
    except ValueError:
        assert ":" in text or not is_public(text)


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    async with served(Site(), _HERE) as site:
        yield site


async def _page(out: Outward, url: str, *, most_bytes: int = 100_000, deadline_s: float = 5) -> Page:
    return await out.page(url, most_bytes=most_bytes, deadline_s=deadline_s, headers={"User-Agent": "x"})


async def test_a_page_is_read_in_the_name_of_its_host(site: Site) -> None:
    site.page("/a?b=%20c", "Hello")
    page = await _page(way_to(_HERE, docs_example=[_HERE]), f"http://docs.example:{site.port}/a?b=%20c#part")
    assert (page.status, page.body, page.is_cut) == (200, b"Hello", False)
    (asked,) = site.asked
    assert (asked.method, asked.path, asked.headers["host"]) == ("GET", "/a?b=%20c", f"docs.example:{site.port}")


async def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once(site: Site) -> None:
    site.page("/", "Hello")
    async with served(Site(), "127.0.0.6") as other:
        names = [_HERE, "127.0.0.6"]
        page = await _page(way_to(_HERE, docs_example=names), f"http://docs.example:{site.port}/")
        assert page.body == b"Hello"
        with pytest.raises(UpstreamFault, match="private address"):
            await _page(way_to(_HERE, docs_example=names), f"http://docs.example:{other.port}/")
        assert other.asked == []


async def test_one_private_address_among_public_ones_is_enough_to_refuse(site: Site) -> None:
    async def both(_host: str, _port: int) -> list[str]:
        return [_HERE, "10.0.0.1"]

    with pytest.raises(UpstreamFault, match="private address"):
        await _page(Outward(both, {_HERE}.__contains__, range(65536)), site.url)
    assert site.asked == []


_BESIDE_US = [
    "http://169.254.169.254/latest/meta-data/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::1]:{port}/", "http://2130706433:{port}/", "http://0177.0.0.1:{port}/", "http://0x7f.1:{port}/",
    "http://127.1:{port}/", "http://0:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/",
    "http://[::127.0.0.1]:{port}/", "http://LOCALHOST.:{port}/", "http://10.0.0.1:{port}/", "//127.0.0.1:{port}/",
    "http://[fe80::1%25lo]:{port}/",
]  # fmt: skip


@pytest.mark.parametrize("target", _BESIDE_US)
async def test_a_redirect_is_checked_like_the_first_address(site: Site, target: str) -> None:
    async with served(Site(), "127.0.0.1") as neighbour:
        onward = target.format(port=neighbour.port)
        start = site.redirect("/go", onward)
        with pytest.raises((UpstreamFault, Invalid)):
            await _page(way_to(_HERE), start)
        if not onward.startswith("//"):
            with pytest.raises((UpstreamFault, Invalid)):
                await _page(Outward(ports=range(65536)), onward)
        assert [each.path for each in site.asked] == ["/go"]
        assert neighbour.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "", "docs.example/", "file:///etc/passwd", "ftp://docs.example/", "gopher://x/", "http://", "data:,x",
        "http://docs.example@127.0.0.1/", "http://user:pw@docs.example/", "http://a b/", "http://a/\nx", "http://[::1",
        "javascript:alert(1)", "http://x/" + "y" * 3000, "http://①②⑦.0.0.1/",
    ],
)  # fmt: skip
async def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises((Invalid, UpstreamFault)):
        await _page(way_to(_HERE), url)


async def test_where_it_leads_after_the_sign_of_a_user_is_what_counts(site: Site) -> None:
    for url in (f"http://docs.example\\@{_HERE}:{site.port}/", f"http://docs.example%40{_HERE}:{site.port}/"):
        with pytest.raises(PequerokuError):
            await _page(way_to(), url)
    with pytest.raises((Invalid, UpstreamFault)):
        await _page(way_to(_HERE), site.redirect("/u", f"http://me:pw@{_HERE}:{site.port}/"))
    assert [each.path for each in site.asked] == ["/u"]


@pytest.mark.parametrize("port", [22, 25, 6379, 8000, 65535])
async def test_pages_are_read_at_the_ports_of_the_web(port: int) -> None:
    async def nowhere(_host: str, _port: int) -> list[str]:
        raise AssertionError("it is not even looked up")

    with pytest.raises(Invalid, match="ports"):
        await _page(Outward(nowhere), f"http://docs.example:{port}/")


async def test_it_is_redirected_so_often_and_no_more(site: Site) -> None:
    for number in range(5):
        site.redirect(f"/{number}", f"/{number + 1}")
    site.page("/5", "There")
    assert (await _page(way_to(_HERE), f"{site.url}/0")).body == b"There"
    with pytest.raises(UpstreamFault, match="more than 5"):
        await _page(way_to(_HERE), site.redirect("/round", "/round"))


async def test_what_does_not_end_is_cut_and_what_does_not_begin_is_given_up(site: Site) -> None:
    site.pages["/long"] = Sent(endless=b"x" * 1000, headers={"Content-Type": "text/plain"})
    page = await _page(way_to(_HERE), f"{site.url}/long", most_bytes=5000)
    assert (len(page.body), page.is_cut) == (5000, True)
    site.pages["/slow"] = Sent(b"late", pause_s=30)
    site.pages["/drip"] = Sent(endless=b".")
    for path in ("/slow", "/drip"):
        began = time.monotonic()
        with pytest.raises(OutOfTime, match=r"0\.3 s"):
            await _page(way_to(_HERE), site.url + path, most_bytes=10**9, deadline_s=0.3)
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
    ],
)
async def test_nonsense_is_a_sentence(site: Site, raw: bytes) -> None:
    site.pages["/"] = Sent(raw=raw)
    with pytest.raises(UpstreamFault, match="could not be reached"):
        await _page(way_to(_HERE), f"{site.url}/")


async def test_what_is_packed_is_not_unpacked(site: Site) -> None:
    site.pages["/"] = Sent(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    with pytest.raises(UpstreamFault, match="packed"):
        await _page(way_to(_HERE), f"{site.url}/")


async def test_over_tls_it_is_the_name_that_is_asked_for_and_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str | None] = []
    tls = _certificate(tmp_path)
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    async with served(Site(), _HERE, tls) as site:
        site.page("/", "Hello")
        out = way_to(_HERE, docs_example=[_HERE], other_example=[_HERE])
        with pytest.raises(UpstreamFault, match=r"(?i)certificate"):  # nobody vouches for it
            await _page(out, f"https://docs.example:{site.port}/")
        monkeypatch.setattr("backend.outward._tls", lambda: ssl.create_default_context(cafile=tmp_path / "both.pem"))
        assert (await _page(out, f"https://docs.example:{site.port}/")).body == b"Hello"
        with pytest.raises(UpstreamFault, match=r"(?i)hostname"):
            await _page(out, f"https://other.example:{site.port}/")
        assert [each.headers["host"] for each in site.asked] == [f"docs.example:{site.port}"]
    assert names == ["docs.example", "docs.example", "other.example"]


def _certificate(folder: Path) -> ssl.SSLContext:
    """One of docs.example, that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "docs.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("docs.example")]), critical=False)
    certificate = made.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(secret + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context
