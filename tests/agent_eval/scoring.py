"""A chore is prepared, asked for, and scored by what is there afterwards."""

import time
from dataclasses import dataclass

from tests.agent_eval.chore import Chore
from tests.served_machine import ServedMachine
from tests.talk import Frame

_LONGEST_S = 900.0
_LONGEST_REMARK = 200
_BASH = r"""
answers() {
    for _ in $(seq 150); do curl -fsS -o /dev/null "$1" 2> /dev/null && return; sleep 0.1; done
    echo "nothing answers at $1" >&2
    return 1
}
serve() {
    "$@" > /dev/null 2>&1 &
    trap "kill $!" EXIT
}
export PYTHONDONTWRITEBYTECODE=1
set -euo pipefail
trap 'echo "failed: $BASH_COMMAND" >&2' ERR
"""
_EMPTY = r"""
for each in /proc/[0-9]*; do
    case "$(readlink "$each/cwd")" in /app | /app/*) kill -9 "${each#/proc/}" || true ;; esac
done
find /app -mindepth 1 -delete
"""


@dataclass(frozen=True, slots=True)
class Score:
    """How one chore went. Without `passed`, `why` has the line of the check that failed, or what ended the turn."""

    chore: str
    passed: bool
    steps: int
    """How often the model was asked."""
    tokens: int
    seconds: float
    why: str = ""


async def score(machine: ServedMachine, name: str, chore: Chore) -> Score:
    """Do one, in a machine that is as if nothing had been before.

    Raises:
        RuntimeError: the chore itself is broken: it can't be prepared, or passes though nothing was done.
    """
    await _prepare(machine, name, chore)
    began = time.monotonic()
    try:
        async with machine.talking() as talk:
            frames = await talk.ask(chore.question, allow=lambda asked: _allows(chore, asked), seconds=_LONGEST_S)
        fault = _fault(frames)
    except TimeoutError:
        frames, fault = [], f"It was not done within {_LONGEST_S:.0f} s."
    took_s = time.monotonic() - began
    code, said = await machine.run(_BASH + chore.check)
    why = "" if code == 0 else " · ".join(part for part in (fault, _end_of(said)) if part)
    await _clean(machine, chore)
    return Score(name, code == 0, _steps(frames), _tokens(frames), round(took_s, 1), why)


async def _prepare(machine: ServedMachine, name: str, chore: Chore) -> None:
    for path, content in chore.files.items():
        await machine.upload(f"/app/{path}", content)
    if chore.prepare:
        code, said = await machine.run(_BASH + chore.prepare)
        if code != 0:
            raise RuntimeError(f"{name} can't be prepared: {said}")
    code, _ = await machine.run(_BASH + chore.check)
    if code == 0:
        raise RuntimeError(f"{name} passes though nothing was done")


async def _clean(machine: ServedMachine, chore: Chore) -> None:
    await machine.end_processes()
    if chore.clean:
        await machine.run(chore.clean)
    await machine.run(_EMPTY, cwd="/")


def _allows(chore: Chore, asked: Frame) -> bool:
    """Whether the person lets a call go on. Only what is dangerous says why."""
    return not (chore.refuses_danger and asked["why"])


def _steps(frames: list[Frame]) -> int:
    return len({each["step"] for each in frames if each["event"] in ("said", "tool_call")})


def _tokens(frames: list[Frame]) -> int:
    used = [each for each in frames if each["event"] == "usage"]
    return sum(each["prompt_tokens"] + each["completion_tokens"] for each in used)


def _fault(frames: list[Frame]) -> str:
    return next((each["message"] for each in frames if each["event"] == "error"), "")


def _end_of(said: str) -> str:
    """The command that failed, and what it said last."""
    before, _, failed = said.strip().partition("failed: ")
    lines = [*before.strip().splitlines()[-1:], *failed.splitlines()[:1]]
    return " · ".join(lines)[:_LONGEST_REMARK] or "the check said nothing"
