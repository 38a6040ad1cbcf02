"""How a container gets from one node to another, step by step.

Until it is handed over the node it leaves decides; afterwards the other one does. A copy of its disk has a name that
was never used before, so whoever is late can neither write into it nor delete it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MoveWay(StrEnum):
    """How a move is made; it is open until it begins."""

    OPEN = ""
    LIVE = "live"  # running, without anybody noticing
    STOP = "stop"  # shut down, copied, booted there


@dataclass(frozen=True, slots=True)
class Move:
    """What a row says of a move."""

    to_node_id: int
    way: MoveWay = MoveWay.OPEN
    begun: bool = False
    """A copy of the disk is being made there."""
    after: datetime | None = None
    """Not before then: people were told of it."""

    @property
    def is_between(self) -> bool:
        """It may be on either node: only a look at both tells."""
        return self.begun and self.way is MoveWay.LIVE
