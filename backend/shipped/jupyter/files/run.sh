#!/bin/sh
# Serve JupyterLab at 0.0.0.0:$PORT (8000), behind a token.
set -eu
cd "$(dirname "$0")"
if [ ! -f .venv/done ]; then
    echo "Installing JupyterLab into .venv; this takes a while …"
    python3 -m venv .venv
    if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 15 -r requirements.txt; then
        echo "JupyterLab could not be installed. It needs the internet once; then try again." >&2
        exit 1
    fi
    touch .venv/done
fi
exec .venv/bin/jupyter lab --ip 0.0.0.0 --port "${PORT:-8000}" --no-browser --allow-root --notebook-dir notebooks
