"""Real virtual machines of a Pequeroku server, from Python."""

from pequeroku.aio import AsyncClient, AsyncMachine
from pequeroku.client import Client, Machine
from pequeroku.errors import NotReady, PequerokuError, Unreachable
from pequeroku.streams import AsyncStream, Stream
from pequeroku.version import __version__

__all__ = [
    "AsyncClient",
    "AsyncMachine",
    "AsyncStream",
    "Client",
    "Machine",
    "NotReady",
    "PequerokuError",
    "Stream",
    "Unreachable",
    "__version__",
]
