#!/bin/sh
# Builds the native runner with one preset of native/CMakePresets.json, and keeps the checksums of its sources. The output
# of the tools is shown only when they fail.
set -eu
cd "$(dirname "$0")/.."
case "$1" in
host) build=linux-$(uname -m) ;;
*) build=android-${1#*-} ;;
esac
kept=mobilebench/assets/sources
sources=$(scripts/sources.sh "$build")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cd native && cmake --preset "$1" && cmake --build --preset "$1"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "The native runner could not be built by preset $1 (its output is above)." >&2
    exit 1
fi
cd ..
mkdir -p "$kept"
printf '%s\n' "$sources" >"$kept/$build"
