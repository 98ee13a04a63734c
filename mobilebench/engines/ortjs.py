"""ONNX Runtime Web in a browser: 1.30, the last release with four WebAssembly builds, and that of the papers."""

from __future__ import annotations

from mobilebench.engines.base import Backend
from mobilebench.engines.webengine import WebEngine, gpu_backend

_DROPPED = "ONNX Runtime Web has had one wasm build, with SIMD and threads, since 1.19; ortjs@1.18 has this one"
_WEBNN = {"device_type": ("cpu", "gpu", "npu")}
_WASM_BUILDS = ("simd-threads", "simd", "threads", "plain")

_WEBGL = gpu_backend("webgl", "WebGL 2 shaders")

ORTJS = WebEngine(
    name="ortjs",
    release="1.30",
    description="ONNX Runtime Web 1.30 in the browser",
    format="onnx",
    backends=(
        Backend(
            "wasm",
            "WebAssembly; the only build that this version has uses SIMD and threads",
            {"wasm_build": _WASM_BUILDS},
            single_threaded_builds=("simd", "plain"),
            lacks=dict.fromkeys(("simd", "threads", "plain"), _DROPPED),
        ),
        _WEBGL,
        gpu_backend("webgpu", "WebGPU shaders"),
        Backend(
            "webnn",
            "WebNN, by the type of device that is asked for",
            _WEBNN,
            single_threaded=True,
        ),
    ),
)


def _older(version: str, note: str) -> WebEngine:
    """A release with four builds. With one thread, it loads one without threads, whatever is asked for."""
    reason = "is not in the pages of this release: only ortjs, the current one, has it here"
    return WebEngine(
        name=f"ortjs@{version}",
        release=version,
        description=f"ONNX Runtime Web {version}, {note}",
        format="onnx",
        backends=(
            Backend(
                "wasm",
                "WebAssembly; one binary for each build",
                {"wasm_build": _WASM_BUILDS},
                single_threaded_builds=("simd", "plain"),
            ),
            _WEBGL,
            gpu_backend("webgpu", "WebGPU shaders", f"WebGPU {reason}"),
            Backend("webnn", "WebNN", _WEBNN, single_threaded=True, missing=f"WebNN {reason}"),
        ),
        refuses_one_thread={
            "simd-threads": f"with one thread, ONNX Runtime Web {version} loads the build simd instead",
            "threads": f"with one thread, ONNX Runtime Web {version} loads the build plain instead",
        },
    )


ORTJS_1_18 = _older("1.18", "the last release with four WebAssembly builds")
ORTJS_1_14 = _older("1.14", "the papers' release")
