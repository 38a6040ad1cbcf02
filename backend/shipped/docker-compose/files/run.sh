#!/bin/sh
# Build and start everything, at 0.0.0.0:$PORT (8000).
set -eu
cd "$(dirname "$0")"
export PORT="${PORT:-8000}"
if docker compose version > /dev/null 2>&1; then
    exec docker compose up --build
elif command -v docker-compose > /dev/null; then
    exec docker-compose up --build
fi
echo "Docker with compose is not installed. On Debian: sudo apt install docker.io docker-compose" >&2
exit 1
