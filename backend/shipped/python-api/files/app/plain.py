"""The same routes with nothing but Python's library: `python3 -m app.plain`."""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.items import Items, Unknown, Wrong

MAX_BODY = 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """One request."""

    items = Items()

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def _get(self, path: list[str]) -> tuple[int, object]:
        if path == ["health"]:
            return 200, {"status": "ok"}
        if path == ["items"]:
            return 200, self.items.all()
        return 200, self.items.get(self._id(path))

    def _post(self, path: list[str]) -> tuple[int, object]:
        if path != ["items"]:
            raise Unknown("There is nothing here.")
        sent = self._body()
        return 201, self.items.add(sent.get("name"), sent.get("amount", 1))

    def _delete(self, path: list[str]) -> tuple[int, object]:
        self.items.remove(self._id(path))
        return 204, None

    def _id(self, path: list[str]) -> int:
        if len(path) == 2 and path[0] == "items" and path[1].isascii() and path[1].isdigit():
            return int(path[1])
        raise Unknown("There is nothing here.")

    def _body(self) -> dict[str, object]:
        try:
            length = int(self.headers.get("Content-Length", "0"))
            sent = json.loads(self.rfile.read(length)) if 0 <= length <= MAX_BODY else None
        except ValueError:
            sent = None
        if not isinstance(sent, dict):
            raise Wrong("Send a JSON object.")
        return sent

    def _answer(self, work) -> None:
        try:
            status, body = work([part for part in self.path.split("?")[0].split("/") if part])
        except Unknown as error:
            status, body = 404, {"error": str(error)}
        except Wrong as error:
            status, body = 422, {"error": str(error)}
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    print(f"Serving at http://{given.host}:{given.port} with Python's own library", flush=True)
    ThreadingHTTPServer((given.host, given.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
