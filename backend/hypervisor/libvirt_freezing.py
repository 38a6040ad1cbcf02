"""Holding a guest's file systems still for a moment, through the agent inside. All of it blocks."""

import time
from collections.abc import Generator
from contextlib import contextmanager

import libvirt

from backend.errors import NodeFault

_AGENT_S = 10
_AGAIN_S = 3.0
_THAWS = 3
_THAW_AGAIN_S = 0.2


@contextmanager
def held_still(
    domain: libvirt.virDomain, *, begins_within_s: float = 0.0, answers_within_s: int = _AGENT_S, advice: str = ""
) -> Generator[None]:
    """Its file systems are whole on the disk, and nothing is written, until this ends, however it ends.

    Args:
        begins_within_s: how long to try. In a guest that has just booted, the agent is among the last to begin.
        answers_within_s: how long one answer of the agent may take, in whole seconds.
        advice: what to do where it can't be, for the fault's words.

    Raises:
        NodeFault: the agent does not answer. The guest goes on.
    """
    try:
        _freeze(domain, begins_within_s, answers_within_s, advice)
        yield
    finally:
        thaw(domain, answers_within_s=answers_within_s)


def thaw(domain: libvirt.virDomain, *, tries: int = _THAWS, answers_within_s: int = _AGENT_S) -> bool:
    """Let it write; returns whether the agent answered. Said again where it fails: nothing is worse than a guest
    that can't write.
    """
    for left in reversed(range(tries)):
        try:
            domain.agentSetResponseTimeout(answers_within_s, 0)
            domain.fsThaw()
        except libvirt.libvirtError:
            if left:
                time.sleep(_THAW_AGAIN_S)
        else:
            return True
    return False


def _freeze(domain: libvirt.virDomain, begins_within_s: float, answers_within_s: int, advice: str) -> None:
    end = time.monotonic() + begins_within_s
    while True:
        try:
            domain.agentSetResponseTimeout(answers_within_s, 0)
            domain.fsFreeze()
        except libvirt.libvirtError as error:
            if time.monotonic() + _AGAIN_S > end or not domain.isActive():
                why = "The system inside can't be held still for a moment, since its guest agent does not answer."
                raise NodeFault(f"{why} {advice}".strip()) from error
            thaw(domain)  # it may have frozen after we had given it up
            time.sleep(_AGAIN_S)
        else:
            return
