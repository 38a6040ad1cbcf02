"""A small service gets one more address."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_SERVICE = """\
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            self.answer(200, "text/plain", b"ok")
        else:
            self.answer(404, "text/plain", b"not here")

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
_OLD = """\
        else:
            self.answer(404"""
_NEW = """\
        elif self.path == "/version":
            with open("VERSION") as file:
                told = json.dumps({"version": file.read().strip()})
            self.answer(200, "application/json", told.encode())
        else:
            self.answer(404"""

CHORE = Chore(
    question=(
        "Add an endpoint GET /version to /app/app.py, which is run as `python3 app.py PORT` in /app. It answers with "
        'JSON such as {"version": "1.4.2"}: what stands in the file VERSION at that moment.'
    ),
    files={"app.py": _SERVICE, "VERSION": "1.4.2\n"},
    check="""
at=http://127.0.0.1:8123
serve python3 app.py 8123
answers $at/health
curl -fsS $at/version | python3 -c 'import json, sys; assert json.load(sys.stdin) == {"version": "1.4.2"}'
echo 1.5.0 > VERSION
curl -fsS $at/version | python3 -c 'import json, sys; assert json.load(sys.stdin) == {"version": "1.5.0"}'
test "$(curl -sS -o /dev/null -w '%{http_code}' $at/other)" = 404
""",
    script=(
        uses("read", path="/app/app.py"),
        uses("edit", path="/app/app.py", old="import sys\n", new="import json\nimport sys\n"),
        uses("edit", path="/app/app.py", old=_OLD, new=_NEW),
        uses("start", command="exec python3 app.py 8055"),
        uses("run", command="curl --retry 20 --retry-connrefused --retry-delay 1 -fsS http://127.0.0.1:8055/version"),
        says("GET /version answers with what stands in VERSION."),
    ),
)
