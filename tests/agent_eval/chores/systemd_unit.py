"""A program becomes a service of the system."""

from tests.agent_eval.chore import Chore
from tests.model_server import says, uses

_WORKER = """\
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"at work")


HTTPServer(("127.0.0.1", 9000), Handler).serve_forever()
"""
_UNIT = """\
[Unit]
Description=The worker

[Service]
ExecStart=/usr/bin/python3 /app/worker.py
WorkingDirectory=/app
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""
_INSTALL = (
    "cp worker.service /etc/systemd/system/ && systemctl daemon-reload && systemctl enable --now worker.service"
    " && systemctl status --no-pager worker.service"
)

CHORE = Chore(
    question=(
        "Make /app/worker.py the systemd service `worker.service`: started now and at each boot, and started again "
        "whenever it ends. It answers on port 9000."
    ),
    files={"worker.py": _WORKER},
    check="""
systemctl is-enabled --quiet worker.service
systemctl is-active --quiet worker.service
answers http://127.0.0.1:9000/
first=$(systemctl show --property MainPID --value worker.service)
kill -9 "$first"
for _ in $(seq 100); do
    second=$(systemctl show --property MainPID --value worker.service)
    if [ "$second" != "$first" ] && [ "$second" != 0 ]; then break; fi
    sleep 0.1
done
test "$second" != 0
answers http://127.0.0.1:9000/
""",
    clean="""
systemctl disable --now worker.service
rm -f /etc/systemd/system/worker.service
systemctl daemon-reload
""",
    script=(
        uses("read", path="/app/worker.py"),
        uses("write", path="/app/worker.service", content=_UNIT),
        uses("run", command=_INSTALL),
        uses("run", command="curl --retry 20 --retry-connrefused --retry-delay 1 -fsS http://127.0.0.1:9000/"),
        says("worker.service runs, comes up at each boot, and is started again when it ends."),
    ),
)
