"""TensorFlow.js in a browser: 4.22, and 4.2 of the papers."""

from __future__ import annotations

from mobilebench.engines.base import Backend
from mobilebench.engines.webengine import WebEngine, gpu_backend

MOST_THREADS = 8
"""It starts 8 workers at most, and uses half of what `navigator.hardwareConcurrency` says."""

_WASM = Backend(
    "wasm",
    "WebAssembly with XNNPACK kernels; one binary for each build",
    {"wasm_build": ("simd-threads", "simd", "plain", "threads")},
    single_threaded_builds=("simd", "plain"),
    lacks={"threads": "TensorFlow.js has no build with threads and without SIMD"},
)
_WEBGL = gpu_backend("webgl", "WebGL 2 shaders")
_JS = Backend("js", "plain JavaScript, as a reference; very slow", single_threaded=True)

TFJS = WebEngine(
    name="tfjs",
    release="4.22",
    description="TensorFlow.js 4.22 graph models in the browser",
    format="tfjs",
    backends=(_WASM, _WEBGL, gpu_backend("webgpu", "WebGPU shaders"), _JS),
    most_threads=MOST_THREADS,
    cores_a_thread=2,
)
TFJS_4_2 = WebEngine(
    name="tfjs@4.2",
    release="4.2",
    description="TensorFlow.js 4.2.0, the papers' release",
    format="tfjs",
    backends=(
        _WASM,
        _WEBGL,
        gpu_backend("webgpu", "WebGPU shaders", "the WebGPU backend was first released with TensorFlow.js 4.6"),
        _JS,
    ),
    most_threads=MOST_THREADS,
    cores_a_thread=2,
)
