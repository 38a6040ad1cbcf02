"""What AGENTS.md asks for is done, though the person does not say it again."""

from tests.agent_eval.chore import Chore
from tests.model_server import Reply, says, uses

_RULES = """\
# Rules of this project

- Each new Python file begins with the line `# SPDX-License-Identifier: MIT`.
- Functions have type hints, for what they take and what they return.
- Each change has a line in CHANGELOG.md under `## Unreleased`, the newest first.
"""
_CHANGES = """\
# Changes

## Unreleased

- Distances in miles

## 1.0

- The first version
"""
_MODULE = '''\
# SPDX-License-Identifier: MIT
"""Temperatures."""


def celsius(fahrenheit: float) -> float:
    """What a temperature is in degrees Celsius."""
    return (fahrenheit - 32) * 5 / 9
'''

CHORE = Chore(
    question="Add a module /app/temperature.py with a function celsius(fahrenheit).",
    files={"AGENTS.md": _RULES, "CHANGELOG.md": _CHANGES},
    check="""
test "$(head -1 temperature.py)" = '# SPDX-License-Identifier: MIT'
python3 - << 'END'
import inspect
from temperature import celsius
assert abs(celsius(212) - 100) < 1e-9 and abs(celsius(-40) + 40) < 1e-9
signature = inspect.signature(celsius)
hints = [signature.return_annotation, *(each.annotation for each in signature.parameters.values())]
assert inspect.Signature.empty not in hints, hints
told = open("CHANGELOG.md").read().split("## ")
assert told[1].startswith("Unreleased"), told
lines = [line for line in told[1].splitlines() if line.startswith("- ")]
assert len(lines) == 2 and lines[1] == "- Distances in miles", lines
assert any(word in lines[0].lower() for word in ("temperature", "celsius")), lines
assert told[2] == "1.0\\n\\n- The first version\\n", told
END
""",
    script=(
        uses("write", path="/app/temperature.py", content=_MODULE),
        uses(
            "edit",
            path="/app/CHANGELOG.md",
            old="- Distances in miles",
            new="- Temperatures in Celsius\n- Distances in miles",
        ),
        Reply(calls=(("run", {"command": "python3 -c 'import temperature; print(temperature.celsius(212))'"}),)),
        says("temperature.py is there, and the change is noted in CHANGELOG.md."),
    ),
)
