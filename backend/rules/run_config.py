"""`/app/config.json`: how what is in a container is started, and where it is to be seen. Pure."""

import json
from dataclasses import dataclass
from typing import Any, cast

from backend.errors import Invalid
from backend.rules.previews import check_port

PATH = "/app/config.json"
MOST_BYTES = 64 * 1024
_LONGEST_COMMAND = 4000
_EXAMPLE = '{ "run": "python3 -m http.server 8000", "port": 8000 }'


@dataclass(frozen=True, slots=True)
class RunConfig:
    """`port` is None where there is nothing to be seen."""

    command: str
    port: int | None


def parse(data: bytes) -> RunConfig:
    """Read the file.

    Raises:
        Invalid: what is wrong with it, and what it should be.
    """
    if len(data) > MOST_BYTES:
        raise Invalid(f"{PATH} is larger than {MOST_BYTES // 1024} KiB. It should be like {_EXAMPLE}.")
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError) as fault:
        where = f" (line {fault.lineno})" if isinstance(fault, json.JSONDecodeError) else ""
        raise Invalid(f"{PATH} is not JSON{where}. It should be like {_EXAMPLE}.") from fault
    if not isinstance(found, dict):
        raise Invalid(f"{PATH} should be an object like {_EXAMPLE}.")
    fields = cast(dict[str, Any], found)
    return RunConfig(_command(fields.get("run")), _port(fields.get("port")))


def _command(said: object) -> str:
    if not isinstance(said, str) or not said.strip():
        raise Invalid(f"{PATH} has no “run”: the shell command to start, as text.", field="run")
    if len(said) > _LONGEST_COMMAND or "\0" in said:
        raise Invalid(f"“run” in {PATH} has {_LONGEST_COMMAND} characters at most: use a script.", field="run")
    try:
        said.encode()
    except UnicodeEncodeError as fault:
        raise Invalid(f"“run” in {PATH} has half a character in it.", field="run") from fault
    return said


def _port(said: object) -> int | None:
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int):
        raise Invalid(f"“port” in {PATH} should be a number, without quotes.", field="port")
    try:
        return check_port(said)
    except Invalid as refusal:
        raise Invalid(f"“port” in {PATH}: {refusal.message}", field="port") from refusal
