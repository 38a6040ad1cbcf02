"""What our processes say about themselves, on standard error."""

import logging

from backend.meters import ERRORS
from backend.settings import settings

_LONGEST = 8000
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class BoundedFormatter(logging.Formatter):
    """Clients can make libraries log what they sent: it must neither fill the disk nor steer an operator's terminal."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        kept = "".join(each if each.isprintable() or each == "\n" else "�" for each in text[:_LONGEST])
        return kept if len(text) <= _LONGEST else f"{kept} … ({len(text) - _LONGEST} characters more)"


class CountsErrors(logging.Handler):
    """An operator's alarm is a number that grows."""

    def emit(self, record: logging.LogRecord) -> None:
        ERRORS.labels(record.name).inc()


def configure_logging() -> None:
    """Begin to log: ours from INFO (DEBUG=true: everything), other libraries' warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(BoundedFormatter(_FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler, CountsErrors(logging.ERROR)])
    for name in ("backend", "pequeroku_ui"):
        logging.getLogger(name).setLevel(logging.DEBUG if settings().debug else logging.INFO)
