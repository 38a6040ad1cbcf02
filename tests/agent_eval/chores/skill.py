"""A skill of the project says how something is done here."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_SKILL = """\
---
name: release
description: How a release of this project is made. Read it before you make one.
---

1. VERSION has three numbers. A minor release raises the second, and sets the third to 0.
2. The new number becomes the first line of RELEASES; nothing else changes there.
3. Both files go into one commit, with the message `Release <number>`.
4. That commit gets the annotated tag `v<number>`.
"""
_RELEASE = """\
echo 1.5.0 > VERSION && sed -i '1i 1.5.0' RELEASES && git commit -qm 'Release 1.5.0' VERSION RELEASES \
&& git tag -a v1.5.0 -m 'Release 1.5.0' && git show --stat v1.5.0"""

CHORE = Chore(
    question="Make a minor release of the project in /app, the way it is done here.",
    files={
        ".pequeroku/skills/release/SKILL.md": _SKILL,
        "VERSION": "1.4.2\n",
        "RELEASES": "1.4.2\n1.4.1\n1.4.0\n",
        "main.py": "print(open('VERSION').read())\n",
    },
    prepare="""
git init -q
git config user.name Ana && git config user.email ana@example.com
git add . && git commit -qm 'Release 1.4.2' && git tag -a v1.4.2 -m 'Release 1.4.2'
""",
    check=r"""
test "$(git show HEAD:VERSION)" = 1.5.0
test "$(git show HEAD:RELEASES)" = $'1.5.0\n1.4.2\n1.4.1\n1.4.0'
test "$(git log -1 --format=%s)" = 'Release 1.5.0'
test "$(git rev-list --count HEAD)" = 2
test "$(git cat-file -t v1.5.0)" = tag
test "$(git rev-parse 'v1.5.0^{commit}')" = "$(git rev-parse HEAD)"
""",
    script=(
        uses("read", path="/app/.pequeroku/skills/release/SKILL.md"),
        uses("run", command="cat VERSION; head -3 RELEASES; git status --short"),
        uses("run", command=_RELEASE),
        says("1.5.0 is released: committed, and tagged v1.5.0."),
    ),
)
