"""A service breaks at its second request; its log says why."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_SERVICE = """\
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

visitors = open("visitors.txt", "a+")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        number = count()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"visitor {number}".encode())


def count():
    with visitors:
        visitors.write("one\\n")
        visitors.seek(0)
        return len(visitors.readlines())


class Server(HTTPServer):
    def handle_error(self, request, client_address):
        super().handle_error(request, client_address)
        os._exit(1)


Server(("127.0.0.1", 8200), Handler).serve_forever()
"""
_OLD = """\
    with visitors:
        visitors"""
_NEW = """\
    with open("visitors.txt", "a+") as visitors:
        visitors"""
_ASK = "curl --retry 20 --retry-connrefused --retry-delay 1 -fsS http://127.0.0.1:8200/"

CHORE = Chore(
    question=(
        "/app/counter.py (run in /app) answers one visitor on port 8200, and breaks at the second. Find out why, mend "
        "it so that it counts all of them in visitors.txt, and let it run on."
    ),
    files={"counter.py": _SERVICE},
    check=r"""
rm -f /tmp/first && curl -fsS -o /tmp/first http://127.0.0.1:8200/
before=$(cut -d ' ' -f 2 /tmp/first)
for more in 1 2 3; do
    test "$(curl -fsS http://127.0.0.1:8200/)" = "visitor $((before + more))"
done
test "$(wc -l < visitors.txt)" = $((before + 3))
""",
    script=(
        uses("read", path="/app/counter.py"),
        uses("start", command="exec python3 counter.py"),
        uses("run", command=_ASK),
        uses("run", "And the second:", command="curl -sS http://127.0.0.1:8200/"),
        uses("edit", path="/app/counter.py", old=_OLD, new=_NEW),
        uses("edit", path="/app/counter.py", old='visitors = open("visitors.txt", "a+")\n\n\n', new="\n"),
        uses("start", command="exec python3 counter.py"),
        uses("run", command=_ASK),
        uses("http", port=8200),
        says("The file was closed after the first visitor. It is opened for each now, and the service runs."),
    ),
)
