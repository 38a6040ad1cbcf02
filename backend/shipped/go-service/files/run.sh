#!/bin/sh
# Build, and serve at 0.0.0.0:$PORT (8000).
set -eu
cd "$(dirname "$0")"
if ! command -v go > /dev/null; then
    echo "Go is not installed. On Debian: sudo apt install golang-go" >&2
    exit 1
fi
go build -o service .
exec ./service
