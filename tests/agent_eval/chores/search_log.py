"""Something is looked for in a long log."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_MAKE = """
python3 - << 'END'
import random
random.seed(11)
with open("access.log", "w") as file:
    for number in range(5000):
        address = f"10.0.{random.randrange(4)}.{random.randrange(1, 30)}"
        status = random.choices([200, 304, 404, 500, 502, 503], [70, 10, 10, 4, 3, 3])[0]
        if number % 90 == 0:
            address, status = "10.0.3.17", 503
        if number % 40 == 0:
            address, status = "10.0.1.5", 404
        file.write(f'{address} - - [01/Mar/2026:10:{number // 100:02}:00] "GET /{number} HTTP/1.1" {status} 500\\n')
END
"""
_COUNT = """grep -E '" 5[0-9]{2} ' access.log | cut -d ' ' -f 1 | sort | uniq -c | sort -rn | head -3"""

CHORE = Chore(
    question=(
        "Which address got the most answers of the server's own faults (status 500 to 599) in /app/access.log? Write "
        "it, and nothing else, to /app/answer.txt."
    ),
    prepare=_MAKE,
    check="""
python3 - << 'END'
from collections import Counter
faults = Counter(line.split()[0] for line in open("access.log") if line.split()[-2].startswith("5"))
assert open("answer.txt").read().strip() == faults.most_common(1)[0][0]
END
""",
    script=(
        uses("read", path="/app/access.log", limit=5),
        uses("run", command=_COUNT),
        uses("write", path="/app/answer.txt", content="10.0.3.17\n"),
        says("It is 10.0.3.17, by far."),
    ),
)
