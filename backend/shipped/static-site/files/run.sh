#!/bin/sh
# Serve public/ at 0.0.0.0:$PORT (8000).
set -eu
cd "$(dirname "$0")"
exec python3 -m http.server "${PORT:-8000}" --bind 0.0.0.0 --directory public
