#!/bin/sh
# scripts/build-if-changed.sh BUILD FILE WORDS COMMAND...: says WORDS and runs COMMAND, unless FILE is there and was
# built from the sources as they are now. Files are compared by content: their times tell nothing after a checkout.
set -eu
cd "$(dirname "$0")/.."
build=$1 file=$2 words=$3
shift 3
if [ -e "$file" ] && [ "$(scripts/sources.sh "$build")" = "$(cat "mobilebench/assets/sources/$build" 2>/dev/null)" ]; then
    exit 0
fi
echo "$words"
exec "$@"
