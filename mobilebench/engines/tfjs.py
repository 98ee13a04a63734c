"""TensorFlow.js 4.22 in a browser: three WebAssembly builds, and WebGL."""

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

MOST_THREADS = 8
"""The framework starts 8 workers, and uses at most half of what `navigator.hardwareConcurrency` says."""


@dataclass(frozen=True)
class TfjsEngine:
    """See `engines.base.Engine`."""

    setup_patience_s: float = web.SETUP_PATIENCE_S

    name: str = "tfjs"
    kind: Literal["web"] = "web"
    description: str = "TensorFlow.js 4.22 graph models in the browser"
    format: Format = "tfjs"
    claims_machine: bool = True
    passes: frozenset[Pass] = TIMING_ALONE
    backends: tuple[Backend, ...] = (
        Backend(
            "wasm",
            ("simd-threads", "simd", "plain"),
            "WebAssembly with XNNPACK kernels; one binary for each setting",
            single_threaded=("simd", "plain"),
        ),
        Backend(
            "webgl",
            ("hardware", "software"),
            "WebGL 2 shaders; software is SwiftShader, which computes them on the CPU",
            single_threaded=("hardware", "software"),
            uses_gpu=True,
        ),
    )

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        if case.backend == "wasm" and case.setting == "simd-threads" and case.threads > MOST_THREADS:
            return f"TensorFlow.js starts at most {MOST_THREADS} threads"
        return web.reason_against(self.name, self.backends, target, case)

    def prepare(self, target: Target, case: Case, files: ModelFiles) -> dict[SpentOn, float]:
        web.prepare(target, case, files, "tfjs")
        return {}

    def measure(
        self, target: Target, block: PlannedBlock, files: ModelFiles, *, cancel: Event, samples: int = SAMPLES
    ) -> BlockResult:
        page_case = _page_case(target.info, block.case)
        return web.measure(
            page_case,
            target,
            block,
            files,
            cancel=cancel,
            samples=samples,
            setup_patience_s=self.setup_patience_s,
        )


def _page_case(target: TargetInfo, case: Case) -> web.PageCase:
    if case.backend == "webgl":
        return web.PageCase("tfjs", web.gpu_flags(target, case))
    needed = 2 * case.threads
    override = needed if case.setting == "simd-threads" and target.cores < needed else None
    return web.PageCase("tfjs", hardware_concurrency=override)
