#!/bin/sh
# Prints the checksum of every source file of a build: `web`, `app-core`, `app`, or a runner such as `linux-x86_64`.
# What it printed at the time of the build is kept in mobilebench/assets/sources.
set -eu
cd "$(dirname "$0")/.."
case "$1" in
web)
    set -- web/bench.html web/manual.html web/build.js web/package.json web/package-lock.json web/tsconfig.json \
        web/scenarios web/src web/frameworks
    ;;
app-core) set -- apk_runner/archives.py apk_runner/lock.yaml apk_runner/core/build.py apk_runner/core/rules.pro apk_runner/core/src ;;
app)
    set -- native/CMakeLists.txt native/CMakePresets.json native/src native/bionic apk_runner/core/build.py \
        apk_runner/archives.py apk_runner/lock.yaml apk_runner/core/rules.pro apk_runner/core/src apk_runner/gradle.properties \
        apk_runner/app/AndroidManifest.xml apk_runner/app/src apk_runner/packing
    ;;
android-*) set -- native/CMakeLists.txt native/CMakePresets.json native/src native/bionic ;;
*) set -- native/CMakeLists.txt native/CMakePresets.json native/src ;;
esac
find "$@" \( -name node_modules -o -name __pycache__ -o -name '.?*' \) -prune -o -type f ! -name '*~' -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum
