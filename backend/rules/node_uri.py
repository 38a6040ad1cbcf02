"""What may lead to a node: libvirt URIs, without those that run a program on our side."""

import re
from urllib.parse import unquote, urlsplit

from backend.errors import Invalid

_TRANSPORTS = ("unix", "tls", "ssh", "libssh", "libssh2", "tcp")
_OVER_A_NETWORK = ("tls", "ssh", "libssh", "libssh2", "tcp")
_OPTIONS = frozenset(
    "keyfile known_hosts known_hosts_verify mode no_tty no_verify pkipath proxy socket sshauth tls_priority".split()
)
"""Of those that libvirt knows. Not `command`, which runs a program here, and not `netcat`, which does so there."""
_EXAMPLES = "Give a libvirt URI such as qemu+ssh://root@host/system or qemu+tls://host/system."


def node_uri(raw: str) -> str:
    """Check a node's URI.

    `qemu+ext` and `command=` would run any program here, with our rights: an administrator of the app is not
    thereby one of this machine.

    Raises:
        Invalid: it is no libvirt URI of QEMU's, or one of those.
    """
    uri = raw.strip()
    if uri == "test:///default" or (uri.startswith("memory://") and uri.isascii() and uri.isprintable()):
        return uri
    if not uri.isascii() or not uri.isprintable() or " " in uri or len(uri) > 500:
        raise Invalid(f"{_EXAMPLES} This one has characters that no URI has.", field="uri")
    try:
        parts = urlsplit(uri)
        host, user, _ = unquote(parts.hostname or ""), unquote(parts.username or ""), parts.port
    except ValueError as fault:
        raise Invalid(f"{_EXAMPLES} This one can't be read: {fault}.", field="uri") from fault
    driver, _, transport = parts.scheme.partition("+")
    if driver != "qemu" or (transport and transport not in _TRANSPORTS):
        raise Invalid(f"{_EXAMPLES} Only QEMU is driven, over ssh, tls, tcp or a socket of this machine.", field="uri")
    if transport in _OVER_A_NETWORK and not host:
        raise Invalid(f"{_EXAMPLES} This one names no host.", field="uri")
    if host.startswith("-") or user.startswith("-"):
        raise Invalid(f"{_EXAMPLES} A host or user can't begin with a hyphen.", field="uri")
    for name in _options_of(parts.query):
        if name not in _OPTIONS:
            raise Invalid(f"“{name[:40]}” is no option that is taken from here: it may name a program.", field="uri")
    if parts.path not in ("/system", "/session"):
        raise Invalid(f"{_EXAMPLES} It ends with /system.", field="uri")
    return uri


def _options_of(query: str) -> list[str]:
    """The names in it as libvirt reads them: in any case, escaped or not, with `;` as good as `&` between them."""
    return [unquote(each.partition("=")[0]).casefold() for each in re.split("[&;]", query) if each]
