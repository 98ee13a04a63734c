"""LiteRT.js 2.5 in a browser: three WebAssembly builds, and WebGPU."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import Literal

from mobilebench.engines import web
from mobilebench.engines.base import TIMING_ALONE, Backend, BlockResult
from mobilebench.models.inputs import SAMPLES
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.results.records import Case, Pass, PlannedBlock, SpentOn, TargetInfo
from mobilebench.targets.base import Target

BUILDS = {
    "relaxed-simd-threads": "litert_wasm_threaded_internal.wasm",
    "relaxed-simd": "litert_wasm_internal.wasm",
    "simd": "litert_wasm_compat_internal.wasm",
}
"""Setting of the backend `wasm` to its binary, as the package calls it."""


@dataclass(frozen=True)
class LitertjsEngine:
    """See `engines.base.Engine`."""

    setup_patience_s: float = web.SETUP_PATIENCE_S

    name: str = "litertjs"
    kind: Literal["web"] = "web"
    description: str = "LiteRT.js 2.5 (TensorFlow Lite models) in the browser"
    format: Format = "tflite"
    claims_machine: bool = True
    passes: frozenset[Pass] = TIMING_ALONE
    backends: tuple[Backend, ...] = (
        Backend(
            "wasm",
            tuple(BUILDS),
            "WebAssembly with XNNPACK kernels; one binary for each setting, two of them with relaxed SIMD",
            single_threaded=("relaxed-simd", "simd"),
        ),
        Backend(
            "webgpu",
            ("hardware", "software"),
            "WebGPU shaders in float32; software is SwiftShader, which computes them on the CPU",
            single_threaded=("hardware", "software"),
            uses_gpu=True,
        ),
    )

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        return web.reason_against(self.name, self.backends, target, case)

    def prepare(self, target: Target, case: Case, files: ModelFiles) -> dict[SpentOn, float]:
        web.prepare(target, case, files, "tflite")
        return {}

    def measure(
        self, target: Target, block: PlannedBlock, files: ModelFiles, *, cancel: Event, samples: int = SAMPLES
    ) -> BlockResult:
        return web.measure(
            _page_case(target.info, block.case),
            target,
            block,
            files,
            cancel=cancel,
            samples=samples,
            setup_patience_s=self.setup_patience_s,
        )


def _page_case(target: TargetInfo, case: Case) -> web.PageCase:
    """The engine has as many workers ready as the page is told cores, however many threads it is asked for."""
    if case.backend == "webgpu":
        return web.PageCase("tflite", web.gpu_flags(target, case))
    return web.PageCase("tflite", hardware_concurrency=case.threads if target.cores < case.threads else None)
