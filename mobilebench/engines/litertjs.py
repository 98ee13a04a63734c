"""LiteRT.js 2.5 in a browser: three WebAssembly builds, and WebGPU."""

from __future__ import annotations

from mobilebench.core.wasm_builds import LITERT_FILES
from mobilebench.engines.base import Backend
from mobilebench.engines.webengine import WebEngine, gpu_backend
from mobilebench.models import behaviour
from mobilebench.models.manifest import Manifest


def without_variable_tensors(manifest: Manifest) -> str | None:
    """Why LiteRT.js cannot run a model that keeps its state in variable tensors; variables of other kinds it has."""
    kept = behaviour.in_variable_tensors(manifest)
    if not kept:
        return None
    return f"LiteRT.js has no variable tensors, in which {manifest.model} keeps its state ({', '.join(kept)})"


LITERTJS = WebEngine(
    name="litertjs",
    release="2.5",
    description="LiteRT.js 2.5 (TensorFlow Lite models) in the browser",
    format="tflite",
    backends=(
        Backend(
            "wasm",
            "WebAssembly with XNNPACK kernels; one binary for each build, two of them with relaxed SIMD",
            {"wasm_build": (*LITERT_FILES, "simd-threads", "threads", "plain")},
            single_threaded_builds=("relaxed-simd", "simd", "plain"),
            lacks={
                "simd-threads": "LiteRT.js has no build with threads and without relaxed SIMD",
                "threads": "LiteRT.js has no build without SIMD",
                "plain": "LiteRT.js has no build without SIMD",
            },
        ),
        gpu_backend("webgpu", "WebGPU shaders in float32"),
    ),
    # As many workers are ready as the page is told cores, however many threads it is asked for.
    cores_a_thread=1,
    why_no_kernels="its library does not tell which operators it runs",
    refuses_model=without_variable_tensors,
)
