#!/bin/sh
# Builds the native runner by one preset of native/CMakePresets.json. What the tools say is shown only when they fail.
set -eu
cd "$(dirname "$0")/../native"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake --preset "$1" && cmake --build --preset "$1"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "The native runner could not be built by preset $1 (its output is above)." >&2
    exit 1
fi
