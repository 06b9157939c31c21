#!/bin/sh
# `apxs/abi3.sh ENGINE DIRECTORY`: whether the engine uses nothing of Python beyond the stable ABI of 3.9, as abi3audit knows it. That is installed into
# DIRECTORY where it is not at hand; without network that is said, and is no failure.
set -eu
engine=$1
directory=$2
. "$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/locate.sh"

mkdir -p "$directory"
if command -v abi3audit >/dev/null 2>&1; then
    audit=abi3audit
else
    audit=$directory/venv/bin/abi3audit
    [ -x "$audit" ] || {
        "$SYSTEM_PYTHON" -m venv "$directory/venv" && "$directory/venv/bin/pip" install --quiet abi3audit==0.0.26
    } >"$directory/log" 2>&1 || {
        echo "abi3: skipped: abi3audit could not be installed ($directory/log says why)"
        exit 0
    }
fi
# It goes by the name whether a file promises the stable ABI.
cp "$engine" "$directory/mod_wsgi_rs_engine.abi3.so"
"$audit" --strict --summary --assume-minimum-abi3 3.9 "$directory/mod_wsgi_rs_engine.abi3.so"
