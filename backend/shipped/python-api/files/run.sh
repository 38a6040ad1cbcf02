#!/bin/sh
# Serve at 0.0.0.0:$PORT (8000). OFFLINE=1 installs nothing and uses Python's own library.
set -eu
cd "$(dirname "$0")"
PORT="${PORT:-8000}"

if [ -z "${OFFLINE:-}" ] && [ ! -x .venv/bin/uvicorn ]; then
    echo "Installing FastAPI into .venv …"
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 15 -r requirements.txt ||
        echo "That did not work (is there internet?). Going on without FastAPI." >&2
fi

if [ -z "${OFFLINE:-}" ] && [ -x .venv/bin/uvicorn ]; then
    exec .venv/bin/uvicorn app.api:app --host 0.0.0.0 --port "$PORT"
fi
exec python3 -m app.plain --host 0.0.0.0 --port "$PORT"
