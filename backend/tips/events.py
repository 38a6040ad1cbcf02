"""What the tips tell each other, after the commit."""

from backend.db import Tx
from backend.events.bus import SignalsWanted, announce


def signals_wanted(tx: Tx, user_id: int) -> None:
    """What a person's signals are read from has changed: the loop of signals looks at once."""
    announce(tx, SignalsWanted(user_id))
