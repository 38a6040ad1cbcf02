"""A service can't start: another one holds its port."""

from tests.agent_eval.chore import Chore
from tests.model_server import Reply, says, uses

_SERVICE = """\
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{name}")


HTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
"""

CHORE = Chore(
    question=(
        "/app/shop.py does not start: something else has its port. Find out what that is, end it, and start shop.py so "
        "that it goes on. It has to stay on port 8000."
    ),
    files={
        "shop.py": _SERVICE.format(name="the shop"),
        "old/forgotten.py": _SERVICE.format(name="long forgotten"),
        "old/other.py": "import time\n\nwhile True:\n    time.sleep(60)\n",
    },
    prepare="""
setsid python3 old/forgotten.py > /dev/null 2>&1 < /dev/null &
setsid python3 old/other.py > /dev/null 2>&1 < /dev/null &
answers http://127.0.0.1:8000/
""",
    check="""
test "$(curl -fsS http://127.0.0.1:8000/)" = 'the shop'
if pgrep -f 'old/forgotten[.]py'; then false; fi
pgrep -f 'old/other[.]py'
""",
    script=(
        Reply(calls=(("ports", {}), ("run", {"command": "ss -ltnp 'sport = :8000'; pgrep -af python3"}))),
        uses("run", command="pkill -f 'old/forgotten[.]py'; sleep 1; ss -ltn 'sport = :8000'"),
        uses("start", command="exec python3 shop.py"),
        uses("run", command="curl --retry 20 --retry-connrefused --retry-delay 1 -fsS http://127.0.0.1:8000/"),
        says("old/forgotten.py held port 8000. It is ended, and the shop answers there."),
    ),
)
