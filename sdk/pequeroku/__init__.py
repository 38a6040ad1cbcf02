"""Real virtual machines of a Pequeroku server, from Python."""

from pequeroku.aio import AsyncClient, AsyncMachine
from pequeroku.client import Client, Machine
from pequeroku.errors import NotReady, PequerokuError, Unreachable

__all__ = ["AsyncClient", "AsyncMachine", "Client", "Machine", "NotReady", "PequerokuError", "Unreachable"]
