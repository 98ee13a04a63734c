#!/bin/sh
# Compiles the pinned, hashed requirements from pyproject.toml. No index address is written.
set -eu
cd "$(dirname "$0")/.."
compile="uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate"
$compile --extra models --extra rack --extra dev pyproject.toml -o requirements/all.txt
# tensorflowjs asks for packages that its converter does not need and that do not fit together.
echo 'tensorflowjs==4.22.0' | $compile --no-deps - -o requirements/tensorflowjs.txt
# onnx2tf's pins contradict everything above: it gets an environment of its own when it is first needed.
onnx2tf="uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate"
printf 'onnx2tf==1.29.24\nbackports-strenum<1.3\n' | $onnx2tf - -o requirements/onnx2tf.txt
