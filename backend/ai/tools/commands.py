"""Commands: waited for, or left to go on by themselves."""

from pydantic import Field

from backend.ai.toolbox import Arguments, Desk, Result, Tool
from backend.ai.tools.saying import Saying
from backend.rules import commands as rules
from backend.rules.agent_policy import Risk, risk_of_command
from backend.services import processes
from backend.services.processes import Order

_FOLDER = "/app"
_LOG_BYTES = 32 * 1024


class Run(Arguments):
    command: str = Field(description="For a shell (bash), as root.")
    folder: str = Field(_FOLDER, description="Where to run it.")
    timeout_s: int = Field(60, ge=1, le=rules.MAX_TIMEOUT_S, description="It is ended after so many seconds.")


class Start(Arguments):
    command: str = Field(description="What goes on by itself, such as a server. It is not waited for.")
    folder: str = _FOLDER


class Log(Arguments):
    process: str = Field(description="Its id, as start gave it.")
    wait_s: int = Field(0, ge=0, le=20, description="Wait so long for something new.")


class Stop(Arguments):
    process: str


class Processes(Arguments):
    pass


def _where(folder: str) -> str:
    """Told where it is not to be taken for granted: `rm *` is another command there."""
    return "" if folder == _FOLDER else f" in {folder or 'the home folder'}"


async def run(desk: Desk, given: Run) -> Result:
    order, saying = Order(given.command, cwd=given.folder, timeout_s=given.timeout_s), Saying(desk.say)
    try:
        done = await processes.run(await desk.actor(), desk.container_id, order, hear=saying.hear)
    finally:
        saying.flush()
    outcome = done.outcome
    told = [outcome.stdout.decode(errors="replace"), outcome.stderr.decode(errors="replace")]
    if outcome.truncated:
        told.append("(there was more output, which is cut)")
    if outcome.timed_out:
        told.append(f"It was not done within {given.timeout_s} s, and was ended with all that it had begun.")
    else:
        told.append(f"Exit code {outcome.exit_code}.")
    content = "\n".join(part.rstrip("\n") for part in told if part)
    return Result(content, ok=outcome.exit_code == 0 and not outcome.timed_out, more={"exit_code": outcome.exit_code})


async def start(desk: Desk, given: Start) -> Result:
    begun = await processes.start(await desk.actor(), desk.container_id, Order(given.command, cwd=given.folder))
    return Result(f"It is started as process {begun.id}. Look into its log, and whether it does what it should.")


async def log(desk: Desk, given: Log) -> Result:
    actor = await desk.actor()
    piece = await processes.read_log(
        actor, desk.container_id, given.process, offset=-_LOG_BYTES, limit=_LOG_BYTES, wait_s=given.wait_s
    )
    state = await processes.get_process(actor, desk.container_id, given.process)
    ended = "" if state.state == "running" else f" (exit code {state.exit_code})"
    said = piece.data.decode(errors="replace").rstrip("\n")
    return Result(f"{said}\n— {state.state}{ended}" if said else f"It has said nothing yet. — {state.state}{ended}")


async def stop(desk: Desk, given: Stop) -> Result:
    await processes.stop_process(await desk.actor(), desk.container_id, given.process)
    return Result("It is stopped.")


async def list_(desk: Desk, _given: Processes) -> Result:
    found = await processes.list_processes(await desk.actor(), desk.container_id)
    return Result("\n".join(f"{each.id}  {each.state}  {each.command}" for each in found) or "None was started.")


TOOLS = (
    Tool(
        "run",
        "Run a shell command in the machine, as root, and wait for its end. Not for what does not end: use start.",
        Run,
        run,
        lambda a: f"Run {rules.shown(a.command)}{_where(a.folder)}",
        lambda a: risk_of_command(a.command),
    ),
    Tool(
        "start",
        "Start a shell command that goes on by itself, such as a server.",
        Start,
        start,
        lambda a: f"Start {rules.shown(a.command)}{_where(a.folder)}",
        lambda a: risk_of_command(a.command),
    ),
    Tool("log", "What a process that was started has said.", Log, log, lambda a: f"Log of {a.process}"),
    Tool("processes", "The processes that were started.", Processes, list_, lambda _: "Processes"),
    Tool(
        "stop", "Stop a process that was started.", Stop, stop, lambda a: f"Stop {a.process}", lambda _: (Risk.RUN, "")
    ),
)
