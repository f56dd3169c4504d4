#!/bin/sh
# Finds a Python that runs and is 3.13 or later, then lets it set up .venv, the storage emulator and, for
# `local/setup.sh browser`, a Chromium. A second run does nothing and takes a moment.
set -eu
cd "$(dirname "$0")/.."

runs() { # a pyenv shim can be on the PATH and still fail: only running it tells
    [ -n "$1" ] && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 13))' >/dev/null 2>&1
}

found=
for candidate in \
    "${PYTHON:-}" \
    .venv/bin/python \
    python3.13 \
    python3.14 \
    "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.1[3-9]*/bin/python \
    python3; do
    if runs "$candidate"; then
        found=$candidate
        break
    fi
done
if [ -z "$found" ] && command -v uv >/dev/null 2>&1; then
    candidate=$(uv python find '>=3.13' 2>/dev/null || true)
    if runs "$candidate"; then found=$candidate; fi
fi
if [ -n "${PYTHON:-}" ] && [ "$found" != "$PYTHON" ]; then
    echo "PYTHON=$PYTHON does not run or is older than 3.13." >&2
    exit 1
fi
if [ -z "$found" ]; then
    echo "Python 3.13 or later is needed and was not found: install it, or name one with PYTHON=/path/to/python3.13." >&2
    exit 1
fi
exec "$found" -m local.install "$@"
