"""A command gets one more option."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_PROGRAM = '''\
"""usage: todo.py [--open] - prints what stands in todo.txt, a line each: `x ` before what is done"""

import argparse


def read():
    with open("todo.txt") as file:
        for line in file.read().splitlines():
            yield line.removeprefix("x "), line.startswith("x ")


parser = argparse.ArgumentParser()
parser.add_argument("--open", action="store_true")
given = parser.parse_args()
for text, is_done in read():
    if not (given.open and is_done):
        print("[x]" if is_done else "[ ]", text)
'''
_OLD = """\
for text, is_done in read():
    if not (given.open and is_done):
        print("[x]" if is_done else "[ ]", text)
"""
_NEW = """\
shown = [(text, is_done) for text, is_done in read() if not (given.open and is_done)]
if given.json:
    print(json.dumps([{"text": text, "done": is_done} for text, is_done in shown]))
else:
    for text, is_done in shown:
        print("[x]" if is_done else "[ ]", text)
"""

CHORE = Chore(
    question=(
        "Give /app/todo.py an option --json: it then prints one JSON array of objects with `text` and `done` (true or "
        "false), also together with --open. Without it, it prints what it did before."
    ),
    files={"todo.py": _PROGRAM, "todo.txt": 'x buy milk\ncall "Zoë"\nx sleep\nwrite tests\n'},
    check=r"""
python3 todo.py --json | python3 -c '
import json, sys
told = json.load(sys.stdin)
assert told == [{"text": "buy milk", "done": True}, {"text": "call \"Zoë\"", "done": False},
                {"text": "sleep", "done": True}, {"text": "write tests", "done": False}], told'
test "$(python3 todo.py --open --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" = 2
test "$(python3 todo.py)" = $'[x] buy milk\n[ ] call "Zoë"\n[x] sleep\n[ ] write tests'
test "$(python3 todo.py --open | wc -l)" = 2
""",
    script=(
        uses("read", path="/app/todo.py"),
        uses("edit", path="/app/todo.py", old="import argparse\n", new="import argparse\nimport json\n"),
        uses(
            "edit",
            path="/app/todo.py",
            old='parser.add_argument("--open", action="store_true")\n',
            new='parser.add_argument("--open", action="store_true")\n'
            'parser.add_argument("--json", action="store_true")\n',
        ),
        uses("edit", path="/app/todo.py", old=_OLD, new=_NEW),
        uses("run", command="python3 todo.py; python3 todo.py --json --open"),
        says("todo.py knows --json now."),
    ),
)
