"""Work is committed, and a secret beside it is not."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

CHORE = Chore(
    question=(
        "Commit my work in /app with the message “Greet by name”. The file .env has a password: it must not get into "
        "the repository, now or by accident later, and it must stay where it is."
    ),
    files={"greet.py": 'print("hello")\n'},
    prepare="""
git init -q
git config user.name Ana && git config user.email ana@example.com
git add . && git commit -qm 'Greet'
printf 'import sys\\n\\nprint("hello", sys.argv[1])\\n' > greet.py
echo 'usage: greet.py NAME' > README.md
echo 'PASSWORD=tr0ub4dor' > .env
""",
    check="""
test "$(git log -1 --format=%s)" = 'Greet by name'
test "$(git rev-list --count HEAD)" -ge 2
git diff --quiet HEAD
git ls-files --error-unmatch greet.py README.md
grep -q tr0ub4dor .env
git check-ignore -q .env
test -z "$(git log --all --format=%h -S tr0ub4dor)"
""",
    script=(
        uses("run", command="git status --short; git diff; ls -a"),
        uses("write", path="/app/.gitignore", content=".env\n"),
        uses("run", command="git add .gitignore greet.py README.md && git commit -qm 'Greet by name'"),
        uses("run", command="git status --short --ignored; git show --stat HEAD"),
        says("It is committed. .env is ignored from now on, and is still there."),
    ),
)
