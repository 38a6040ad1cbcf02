"""How a container gets from one node to another."""

from enum import StrEnum


class MoveWay(StrEnum):
    """How a move is made; it is open until it begins."""

    OPEN = ""
    LIVE = "live"  # running, without anybody noticing
    STOP = "stop"  # shut down, copied, booted there
