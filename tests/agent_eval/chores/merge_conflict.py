"""A merge that stopped is finished, with what both sides wanted."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_MERGED = 'OPTIONS = {"size": 12, "colour": "blue"}\n'

CHORE = Chore(
    question=(
        "A merge of the branch `colours` stopped at a conflict in /app. Finish it, so that both sides have what they "
        "wanted: the new size, and the colour."
    ),
    files={"options.py": 'OPTIONS = {"size": 10}\n', "draw.py": "from options import OPTIONS\n\nprint(OPTIONS)\n"},
    prepare="""
git init -q -b main
git config user.name Ana && git config user.email ana@example.com
git add . && git commit -qm 'Draw'
git checkout -q -b colours
echo 'OPTIONS = {"size": 10, "colour": "blue"}' > options.py && git commit -qam 'Draw in colour'
git checkout -q main
echo 'OPTIONS = {"size": 12}' > options.py && git commit -qam 'Draw larger'
git merge -q colours || true
""",
    check="""
test ! -e .git/MERGE_HEAD
test "$(git rev-list --parents -1 HEAD | wc -w)" = 3
git merge-base --is-ancestor colours main
git diff --quiet HEAD
python3 -c 'from options import OPTIONS; assert OPTIONS == {"size": 12, "colour": "blue"}'
""",
    script=(
        uses("run", command="git status; git diff"),
        uses("write", path="/app/options.py", content=_MERGED),
        uses("run", command="python3 draw.py && git add options.py && git commit -q --no-edit && git log --oneline -3"),
        says("The merge is committed: size 12, and blue."),
    ),
)
