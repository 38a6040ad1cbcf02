#!/bin/sh
# Serve at 0.0.0.0:$PORT (8000).
set -eu
cd "$(dirname "$0")"
if ! command -v node > /dev/null; then
    echo "Node is not installed. On Debian: sudo apt install nodejs" >&2
    exit 1
fi
if [ -f package-lock.json ] && [ ! -d node_modules ]; then
    npm ci
fi
exec node server.js
