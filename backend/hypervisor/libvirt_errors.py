"""libvirt's errors in our words; the one place that knows its codes."""

import errno
import re
from collections.abc import Generator
from contextlib import contextmanager

import libvirt

from backend.errors import ImageMissing, NodeDiskFull, NodeFault, Unavailable
from backend.hypervisor.domain_xml import POOL_PATH

_ABSENT = {
    libvirt.VIR_ERR_NO_DOMAIN,
    libvirt.VIR_ERR_NO_STORAGE_VOL,
    libvirt.VIR_ERR_NO_STORAGE_POOL,
    libvirt.VIR_ERR_NO_NETWORK,
    libvirt.VIR_ERR_NO_NWFILTER,
}
_LOST = {
    libvirt.VIR_ERR_NO_CONNECT,
    libvirt.VIR_ERR_INVALID_CONN,
    libvirt.VIR_ERR_RPC,
    libvirt.VIR_ERR_AUTH_FAILED,
    libvirt.VIR_ERR_GNUTLS_ERROR,
}
_LOST_WORDS = re.compile(
    r"client socket is closed|connection closed|keepalive|end of file|broken pipe|reset by peer", re.I
)
_IMAGE_FILE = re.compile(rf"{re.escape(POOL_PATH)}/image-[A-Za-z0-9._-]*")


def is_absent(error: libvirt.libvirtError) -> bool:
    """What was looked up is not there."""
    return error.get_error_code() in _ABSENT


def is_wrong_state(error: libvirt.libvirtError) -> bool:
    """A domain that is off, or running, or paused already."""
    return error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID


def is_busy(error: libvirt.libvirtError) -> bool:
    """Something else is being done to the domain, and takes longer than libvirt waits."""
    return error.get_error_code() == libvirt.VIR_ERR_OPERATION_TIMEOUT


def is_unsupported(error: libvirt.libvirtError) -> bool:
    """The driver behind the URI has no such thing."""
    return error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT


def is_lost(error: libvirt.libvirtError) -> bool:
    """There is no connection, or none any more."""
    code = error.get_error_code()
    if code is None or code in _LOST:
        return True
    vague = (libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_ERR_SYSTEM_ERROR)
    of_rpc = error.get_error_domain() in (libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE)
    return code in vague and (of_rpc or bool(_LOST_WORDS.search(_words(error))))


def translate(error: libvirt.libvirtError, node: str) -> Unavailable:
    """The error to raise in place of libvirt's."""
    words = _words(error)
    if error.get_error_code() == libvirt.VIR_ERR_SYSTEM_ERROR and error.get_int1() == errno.ENOSPC:
        return NodeDiskFull(node)
    if "No space left on device" in words:
        return NodeDiskFull(node)
    if is_lost(error):
        return Unavailable(f"Node “{node}” does not answer: {words}.")
    missing = _IMAGE_FILE.search(words)
    if missing and ("No such file" in words or error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL):
        return ImageMissing(f"node “{node}” has no {missing.group()}")
    return NodeFault(f"Node “{node}” refused: {words}.")


@contextmanager
def tolerate_absent() -> Generator[None]:
    """What is not there is as it should be."""
    try:
        yield
    except libvirt.libvirtError as error:
        if not is_absent(error):
            raise


def _words(error: libvirt.libvirtError) -> str:
    return (error.get_error_message() or str(error)).strip().rstrip(".")
