"""The tools themselves, by what they are about; `ALL` are those that a turn has."""

from typing import Any

from backend.ai.toolbox import Tool
from backend.ai.tools import commands, files, notes, programs

ALL: tuple[Tool[Any], ...] = (*files.TOOLS, *commands.TOOLS, *programs.TOOLS, *notes.TOOLS)
