"""Counts visits: `GET /visits`. The count is kept in the file that COUNT_FILE names."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

COUNT = Path(os.environ.get("COUNT_FILE", "/data/visits"))
PORT = int(os.environ.get("PORT", "8000"))
lock = Lock()


def visit() -> int:
    with lock:
        count = int(COUNT.read_text()) + 1 if COUNT.exists() else 1
        COUNT.write_text(str(count))
    return count


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path == "/visits"
        body = json.dumps({"visits": visit()} if known else {"error": "There is nothing here."}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", PORT), Handler).serve_forever()
