"""The tools themselves, by what they are about; `ALL` are those that a turn has."""

from typing import Any

from backend.ai.toolbox import Tool
from backend.ai.tools import commands, delegates, files, notes, programs, web

ALL: tuple[Tool[Any], ...] = (
    *files.TOOLS,
    *commands.TOOLS,
    *programs.TOOLS,
    *web.TOOLS,
    *notes.TOOLS,
    *delegates.TOOLS,
)
