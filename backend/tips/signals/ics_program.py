"""Reads a calendar file in a process of its own: a file can be made so that it is reckoned with for hours.

`python -m backend.tips.signals.ics_program` takes a line of JSON and then the file, and answers with JSON.
"""

import asyncio
import json
import resource
import sys
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from backend.errors import PequerokuError, UpstreamFault
from backend.rules.signals.calendar import Busy
from backend.tips.signals.ics import busy_in

_MOST_S = 15
_MOST_BYTES = 1024**3
_TOO_MUCH = "The calendar has more events than can be reckoned with."


async def read_apart(body: bytes, span: Busy, zone: ZoneInfo) -> Sequence[Busy]:
    """As `busy_in`, within bounds of time and memory.

    Raises:
        UpstreamFault: as `busy_in`; or it takes too long.
    """
    asked = {"begins": span.begins.isoformat(), "ends": span.ends.isoformat(), "zone": zone.key}
    command = (sys.executable, "-m", "backend.tips.signals.ics_program")
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(_MOST_S):
            out, _ = await program.communicate(json.dumps(asked).encode() + b"\n" + body)
    except TimeoutError as fault:
        raise UpstreamFault(_TOO_MUCH) from fault
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    if program.returncode != 0:
        raise UpstreamFault(_TOO_MUCH)
    said = json.loads(out)
    if "refusal" in said:
        raise UpstreamFault(said["refusal"])
    return [Busy(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in said["busy"]]


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_S, _MOST_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    asked = json.loads(sys.stdin.buffer.readline())
    span = Busy(datetime.fromisoformat(asked["begins"]), datetime.fromisoformat(asked["ends"]))
    try:
        found = busy_in(sys.stdin.buffer.read(), span, ZoneInfo(asked["zone"]))
        answer: dict[str, object] = {"busy": [(each.begins.isoformat(), each.ends.isoformat()) for each in found]}
    except PequerokuError as refusal:
        answer = {"refusal": refusal.message}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main()
