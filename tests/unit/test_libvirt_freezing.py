"""Holding a guest still for a copy: its agent may begin late, or never."""

import libvirt
import pytest

from backend.errors import NodeFault
from backend.hypervisor import libvirt_freezing
from backend.hypervisor.libvirt_freezing import held_still


class _Guest:
    """A domain whose agent answers after so many tries."""

    def __init__(self, tries: int) -> None:
        self._left, self.is_frozen = tries, False

    def isActive(self) -> bool:  # noqa: N802
        return True

    def agentSetResponseTimeout(self, _seconds: int, _flags: int) -> None: ...  # noqa: N802

    def fsFreeze(self) -> None:  # noqa: N802
        self._left -= 1
        if self._left >= 0:
            raise libvirt.libvirtError("QEMU guest agent is not connected")
        self.is_frozen = True

    def fsThaw(self) -> None:  # noqa: N802
        self.is_frozen = False


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvirt_freezing, "_AGAIN_S", 0.01)


def test_an_agent_that_begins_late_is_waited_for() -> None:
    guest = _Guest(2)
    with held_still(guest, begins_within_s=0.2):  # type: ignore[arg-type]
        assert guest.is_frozen
    assert not guest.is_frozen


def test_one_that_never_answers_is_given_up_with_what_to_do() -> None:
    guest = _Guest(10**9)
    holding = held_still(guest, begins_within_s=0.2, advice="Stop it first.")  # type: ignore[arg-type]
    with pytest.raises(NodeFault, match="Stop it first"), holding:
        raise AssertionError("it is not held still")
    assert not guest.is_frozen
