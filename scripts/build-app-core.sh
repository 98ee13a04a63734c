#!/bin/sh
# Builds the app's Java core, and keeps the checksums of its sources.
set -eu
cd "$(dirname "$0")/.."
kept=mobilebench/assets/sources
sources=$(scripts/sources.sh app-core)
python -m apk_runner.core.build
mkdir -p "$kept"
printf '%s\n' "$sources" >"$kept/app-core"
