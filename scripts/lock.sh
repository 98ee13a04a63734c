#!/bin/sh
# Compiles the pinned, hashed requirements from pyproject.toml. No index address is written.
set -eu
cd "$(dirname "$0")/.."
compile="uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate"
$compile --extra models --extra dev pyproject.toml -o requirements/all.txt
# tensorflowjs asks for packages that its converter does not need and that do not fit together.
echo 'tensorflowjs==4.22.0' | $compile --no-deps - -o requirements/tensorflowjs.txt
