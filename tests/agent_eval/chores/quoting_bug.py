"""A shell script that loses files with odd names."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_SCRIPT = """\
#!/bin/bash
# usage: backup.sh FROM TO - copies the files of a folder into another, and prints how many
mkdir -p $2
count=0
for name in $(ls $1); do
    cp $1/$name $2/ 2> /dev/null
    count=$((count + 1))
done
echo $count
"""
_MENDED = """\
#!/bin/bash
# usage: backup.sh FROM TO - copies the files of a folder into another, and prints how many
set -euo pipefail
shopt -s nullglob
mkdir -p -- "$2"
count=0
for file in "$1"/*; do
    [ -f "$file" ] || continue
    cp -- "$file" "$2/"
    count=$((count + 1))
done
echo "$count"
"""
_TRY = "mkdir '/tmp/a b' && touch '/tmp/a b/c d' && bash backup.sh '/tmp/a b' '/tmp/e f' && ls '/tmp/e f'"

CHORE = Chore(
    question=(
        "/app/backup.sh FROM TO loses files with blanks or other odd signs in their names, and folders with such names "
        "do not work at all. Mend it. It still prints how many files it copied, and nothing else."
    ),
    files={"backup.sh": _SCRIPT},
    prepare="chmod +x backup.sh",
    check=r"""
folder=$(mktemp -d) && mkdir "$folder/my files"
for name in 'plain.txt' 'two words' '  ends  ' '*' 'a$HOME' $'line\nbreak'; do
    printf '%s' "in $name" > "$folder/my files/$name"
done
test "$(bash backup.sh "$folder/my files" "$folder/the copy")" = 6
diff -r "$folder/my files" "$folder/the copy"
mkdir "$folder/none"
test "$(bash backup.sh "$folder/none" "$folder/out")" = 0
""",
    script=(
        uses("read", path="/app/backup.sh"),
        uses("write", path="/app/backup.sh", content=_MENDED),
        uses("run", command=_TRY),
        says("Names are quoted now, and files are listed by the shell itself."),
    ),
    clean="rm -rf '/tmp/a b' '/tmp/e f'",
)
