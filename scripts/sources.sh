#!/bin/sh
# Prints the checksum of every source file of a build: `web`, or a runner such as `linux-x86_64` or `android-arm64-v8a`.
# What it printed at the time of the build is kept in mobilebench/assets/sources.
set -eu
cd "$(dirname "$0")/.."
case "$1" in
web)
    set -- web/bench.html web/manual.html web/build.js web/package.json web/package-lock.json web/tsconfig.json \
        web/scenarios web/src web/frameworks
    ;;
android-*) set -- native/CMakeLists.txt native/CMakePresets.json native/src native/bionic ;;
*) set -- native/CMakeLists.txt native/CMakePresets.json native/src ;;
esac
find "$@" \( -name node_modules -o -name '.?*' \) -prune -o -type f ! -name '*~' -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum
