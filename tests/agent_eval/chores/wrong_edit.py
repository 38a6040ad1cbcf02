"""A wrong edit is taken back, and another one beside it is not."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_PARSER = '''\
"""Reads `key = value` lines."""


def parse(text):
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[key.strip()] = value.strip()
    return found
'''

CHORE = Chore(
    question=(
        "An edit that I made just now broke parser.py: nothing can import it any more. Give me back the parser.py of "
        "the last commit. My other change, in notes.md, isn't committed either, and has to stay."
    ),
    files={"parser.py": _PARSER, "notes.md": "# Notes\n"},
    prepare="""
git init -q
git config user.name Ana && git config user.email ana@example.com
git add . && git commit -qm 'Read settings'
sed -i -e 's/for line in/while line in/' -e '/found = {}/d' parser.py
echo '- ask Bob about sections' >> notes.md
""",
    check="""
git diff --quiet HEAD -- parser.py
python3 -c 'from parser import parse; assert parse("a = 1\\n# no\\nb=2") == {"a": "1", "b": "2"}'
grep -q 'ask Bob about sections' notes.md
""",
    script=(
        uses("run", command="git status --short; git diff parser.py"),
        uses("run", command="git checkout HEAD parser.py"),
        uses("run", command="python3 -c 'import parser' && git status --short && cat notes.md"),
        says("parser.py is as in the last commit; notes.md still has your change."),
    ),
)
