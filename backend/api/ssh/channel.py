"""A session's channel that takes no more of a client than the session may have."""

import asyncio
from typing import Any

import asyncssh

from backend.guest.channel import WINDOW_BYTES
from backend.rules import ssh as rules

_PACKET_BYTES = 32 * 1024


class Channel(asyncssh.SSHServerChannel[bytes]):
    """asyncssh's own would keep every variable that is sent, of any size and number."""

    def __init__(self, connection: asyncssh.SSHServerConnection, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(connection, loop, True, False, False, 0, 0, None, "strict", WINDOW_BYTES, _PACKET_BYTES)
        self._said = 0

    @property
    def settings(self) -> dict[str, str]:
        """The environment that was asked for, as far as it may be."""
        return {name.decode(): value.decode() for name, value in self._env.items()}

    def _process_env_request(self, packet: Any) -> bool:
        name, value = packet.get_string(), packet.get_string()
        packet.check_end()
        self._said += 1
        if self._said > rules.MOST_SETTINGS or rules.setting(name, value) is None:
            return False
        self._env[name] = value
        return True
