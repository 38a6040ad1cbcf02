"""Numbers, moments and colours as the pages have them."""

from datetime import datetime

_TONES = {"running": "good", "stopped": "off", "error": "bad", "unknown": "warn"}


def count(number: int, one: str, many: str = "") -> str:
    """“1 file”, “3 files”."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(at: datetime | None) -> str:
    """ISO, which the browser puts into words; empty where there is none."""
    return at.isoformat() if at else ""


def tone_of(status: str) -> str:
    """The colour of a container's status."""
    return _TONES.get(status, "busy")
