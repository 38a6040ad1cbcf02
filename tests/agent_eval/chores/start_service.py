"""Something is served, goes on, and is proved to answer."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

CHORE = Chore(
    question=(
        "Serve the folder /app/site over HTTP on port 8080, so that it goes on when you are done. "
        "Prove that it answers."
    ),
    files={"site/index.html": "<h1>Harbour office</h1>\n", "site/tides.txt": "high 04:12\nlow 10:31\n"},
    check="""
curl -fsS http://127.0.0.1:8080/ | grep -q 'Harbour office'
curl -fsS http://127.0.0.1:8080/tides.txt | cmp - site/tides.txt
""",
    script=(
        uses("list", path="/app/site"),
        uses("start", command="exec python3 -m http.server 8080 --directory /app/site"),
        uses("run", command="curl --retry 20 --retry-connrefused --retry-delay 1 -fsS http://127.0.0.1:8080/"),
        uses("http", port=8080, path="/tides.txt"),
        says("The folder is served on port 8080, and both files are answered."),
    ),
)
