"""Recognises the builds of web engines' WebAssembly by the names of the published files."""

from __future__ import annotations

LITERT_FILES = {
    "relaxed-simd-threads": "litert_wasm_threaded_internal.wasm",
    "relaxed-simd": "litert_wasm_internal.wasm",
    "simd": "litert_wasm_compat_internal.wasm",
}
"""Wasm build to the file of LiteRT.js."""


def build_of(path: str) -> str:
    """The Wasm build to which a file belongs."""
    name = path.rpartition("/")[2]
    known = next((build for build, file in LITERT_FILES.items() if file == name), None)
    if known is not None:
        return known
    words = [word for word, mark in (("simd", "simd"), ("threads", "threaded")) if mark in name]
    return "-".join(words) or "plain"
