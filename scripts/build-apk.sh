#!/bin/sh
# Builds the Android app, and keeps the checksums of its sources.
set -eu
cd "$(dirname "$0")/.."
kept=mobilebench/assets/sources
sources=$(scripts/sources.sh app)
python -m apk_runner.packing
mkdir -p "$kept"
printf '%s\n' "$sources" >"$kept/app"
