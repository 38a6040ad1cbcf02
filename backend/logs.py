"""What our processes say about themselves, on standard error."""

import logging

from backend.settings import settings


def configure_logging() -> None:
    """Begin to log: ours from INFO (DEBUG=true: everything), other libraries' warnings."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    for name in ("backend", "pequeroku_ui"):
        logging.getLogger(name).setLevel(logging.DEBUG if settings().debug else logging.INFO)
