"""The ladders from a native engine to a page: which cases are their rungs, and what each step changes.

A ladder is a table. A rung lists the values of axes that its case must have; axes that it does not list have their
default value, and `threads` and `browser` may be placeholders. `analysis.explain` finds the cases in a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mobilebench.core.axes import NODE

SEVERAL = "several"
"""Stands for the largest thread count above 1 that the run measured with the ladder's native engine."""
PAGE = "page"
"""Stands for the browser in which the run measured pages."""


@dataclass(frozen=True)
class Rung:
    """One case of a ladder."""

    title: str
    step: str
    """What changes from the rung before; empty for the first one."""
    axes: Mapping[str, Any]

    def but(self, title: str, step: str, **axes: Any) -> Rung:
        """A rung like this one with other values of some axes."""
        return Rung(title, step, {**self.axes, **axes})


@dataclass(frozen=True)
class Side:
    """A step beside the way from native to the page: it changes one thing of a rung, and is in no product."""

    base: Rung
    rung: Rung


@dataclass(frozen=True)
class Ladder:
    """The way from a native engine to a web engine in a page."""

    web: str
    native: str
    rungs: tuple[Rung, ...]
    """From native to the page."""
    sides: tuple[Side, ...]


def _from(base: Rung, *rungs: Rung) -> tuple[Side, ...]:
    return tuple(Side(base, rung) for rung in rungs)


_ENGINE_AND_TARGET = "engine, its version, and compilation to WebAssembly"
_VERSION_AND_TARGET = "engine version, and compilation to WebAssembly"
_NO_PAGE = "WebAssembly in Node, outside of any page"


def _onnxruntime() -> Ladder:
    native = Rung(
        "ONNX Runtime, native, several threads", "", {"engine": "onnxruntime", "backend": "cpu", "threads": SEVERAL}
    )
    single = native.but("ONNX Runtime, native, 1 thread", "threads", threads=1)
    node = Rung(
        f"ONNX Runtime Web, {_NO_PAGE}",
        _VERSION_AND_TARGET,
        {"engine": "ortjs", "backend": "wasm", "wasm_build": "simd-threads", "threads": 1, "browser": NODE},
    )
    open_page = node.but("in a page without isolation", "the page, and its browser", browser=PAGE, isolation="none")
    page = open_page.but("in an isolated page", "isolation", isolation="isolated")
    threads = page.but("in an isolated page, several threads", "threads", threads=SEVERAL)
    older = threads.but("release 1.18", "engine version", engine="ortjs@1.18")
    old_simd = older.but("release 1.18, build simd, 1 thread", "", wasm_build="simd", threads=1)
    return Ladder(
        web="ortjs",
        native="onnxruntime",
        rungs=(native, single, node, open_page, page, threads),
        sides=(
            *_from(single, single.but("native in 8 bits", "precision", precision="int8")),
            *_from(page, page.but("the page in 8 bits", "precision", precision="int8")),
            *_from(old_simd, old_simd.but("release 1.18, build plain, 1 thread", "SIMD width", wasm_build="plain")),
            *_from(threads, older, threads.but("in Firefox", "browser", browser="firefox")),
            *_from(page, *_on_gpu("ortjs", "webgl", "webgpu")),
        ),
    )


def _on_gpu(engine: str, *backends: str) -> tuple[Rung, ...]:
    axes = {"engine": engine, "threads": 1, "browser": PAGE}
    return tuple(Rung(f"on {backend}", "GPU API", {**axes, "backend": backend}) for backend in backends)


def _tflite() -> tuple[Rung, Rung]:
    axes = {"engine": "tflite", "backend": "cpu", "delegate": "xnnpack", "threads": SEVERAL}
    several = Rung("TensorFlow Lite, native, several threads", "", axes)
    return several, several.but("TensorFlow Lite, native, 1 thread", "threads", threads=1)


def _tfjs() -> Ladder:
    native, single = _tflite()
    node = Rung(
        f"TensorFlow.js, {_NO_PAGE}",
        _ENGINE_AND_TARGET,
        {"engine": "tfjs", "backend": "wasm", "wasm_build": "simd", "threads": 1, "browser": NODE},
    )
    open_page = node.but("in a page without isolation", "the page, and its browser", browser=PAGE, isolation="none")
    page = open_page.but("in an isolated page", "isolation", isolation="isolated")
    build = page.but("the build with threads, 1 thread", "wasm build", wasm_build="simd-threads")
    threads = build.but("the build with threads, several threads", "threads", threads=SEVERAL)
    return Ladder(
        web="tfjs",
        native="tflite",
        rungs=(native, single, node, open_page, page, build, threads),
        sides=(
            *_from(single, single.but("native in 8 bits", "precision", precision="int8")),
            *_from(single, single.but("native without XNNPACK", "delegate", delegate="none")),
            *_from(node, node.but("Node, build plain", "SIMD width", wasm_build="plain")),
            *_from(page, page.but("the page, build plain", "SIMD width", wasm_build="plain")),
            *_from(threads, threads.but("release 4.2", "engine version", engine="tfjs@4.2")),
            *_from(threads, threads.but("in Firefox", "browser", browser="firefox")),
            *_from(page, *_on_gpu("tfjs", "webgl", "webgpu")),
        ),
    )


def _litertjs() -> Ladder:
    native, single = _tflite()
    node = Rung(
        f"LiteRT.js, {_NO_PAGE}",
        _VERSION_AND_TARGET,
        {"engine": "litertjs", "backend": "wasm", "wasm_build": "simd", "threads": 1, "browser": NODE},
    )
    open_page = node.but("in a page without isolation", "the page, and its browser", browser=PAGE, isolation="none")
    page = open_page.but("in an isolated page", "isolation", isolation="isolated")
    relaxed = page.but("relaxed SIMD", "wasm build (relaxed SIMD)", wasm_build="relaxed-simd")
    build = relaxed.but("the build with threads, 1 thread", "wasm build (threads)", wasm_build="relaxed-simd-threads")
    threads = build.but("the build with threads, several threads", "threads", threads=SEVERAL)
    return Ladder(
        web="litertjs",
        native="tflite",
        rungs=(native, single, node, open_page, page, relaxed, build, threads),
        sides=_from(page, *_on_gpu("litertjs", "webgpu")),
    )


LADDERS: tuple[Ladder, ...] = (_onnxruntime(), _tfjs(), _litertjs())
"""Every ladder, the one with the same engine at both ends first."""
