"""Taking a guest's port while libvirt still lets go of its last user."""

import libvirt
import pytest

from backend.hypervisor import libvirt_channel

_POLITELY, _BY_FORCE = 0, libvirt.VIR_DOMAIN_CHANNEL_FORCE


class _Libvirt:
    """A connection and its domain: refuses with these errors, one after another, then gives in to `gives_in_to`."""

    def __init__(self, *codes: int, gives_in_to: int = _POLITELY) -> None:
        self._codes, self._gives_in_to = list(codes), gives_in_to

    def lookupByName(self, _name: str) -> "_Libvirt":  # noqa: N802
        return self

    def newStream(self, _flags: int) -> str:  # noqa: N802
        return "a stream"

    def openChannel(self, _port: str, _stream: str, flags: int) -> None:  # noqa: N802
        if self._codes or flags != self._gives_in_to:
            error = libvirt.libvirtError("no")
            error.err = (self._codes.pop(0) if self._codes else libvirt.VIR_ERR_OPERATION_FAILED, *[None] * 8)
            raise error


@pytest.mark.parametrize("code", [libvirt.VIR_ERR_OPERATION_FAILED, libvirt.VIR_ERR_INTERNAL_ERROR])
def test_a_port_that_is_just_being_let_go_is_asked_for_again(code: int) -> None:
    assert libvirt_channel._take_port(_Libvirt(code, code), "pqk-one", "port") == "a stream"  # type: ignore[arg-type]


def test_a_port_that_is_kept_is_taken_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvirt_channel, "_POLITE_S", 0.1)
    stubborn = _Libvirt(gives_in_to=_BY_FORCE)
    assert libvirt_channel._take_port(stubborn, "pqk-one", "port") == "a stream"  # type: ignore[arg-type]


def test_what_will_not_change_is_told_at_once() -> None:
    off = _Libvirt(libvirt.VIR_ERR_OPERATION_INVALID)
    with pytest.raises(libvirt.libvirtError):
        libvirt_channel._take_port(off, "pqk-one", "port")  # type: ignore[arg-type]
