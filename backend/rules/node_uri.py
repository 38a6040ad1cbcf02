"""What may lead to a node: libvirt URIs, without those that run a program on our side."""

from urllib.parse import parse_qs, urlsplit

from backend.errors import Invalid

_TRANSPORTS = ("unix", "tls", "ssh", "libssh", "libssh2", "tcp")
_OVER_A_NETWORK = ("tls", "ssh", "libssh", "libssh2", "tcp")
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
        host, user, _ = parts.hostname or "", parts.username or "", parts.port
        options = parse_qs(parts.query, keep_blank_values=True)
    except ValueError as fault:
        raise Invalid(f"{_EXAMPLES} This one can't be read: {fault}.", field="uri") from fault
    driver, _, transport = parts.scheme.partition("+")
    if driver != "qemu" or (transport and transport not in _TRANSPORTS):
        raise Invalid(f"{_EXAMPLES} Only QEMU is driven, over ssh, tls, tcp or a socket of this machine.", field="uri")
    if transport in _OVER_A_NETWORK and not host:
        raise Invalid(f"{_EXAMPLES} This one names no host.", field="uri")
    if host.startswith("-") or user.startswith("-"):
        raise Invalid(f"{_EXAMPLES} A host or user can't begin with a hyphen.", field="uri")
    if "command" in options:
        raise Invalid("“command” names a program to run on this machine: it is not taken from here.", field="uri")
    if parts.path not in ("/system", "/session"):
        raise Invalid(f"{_EXAMPLES} It ends with /system.", field="uri")
    return uri
