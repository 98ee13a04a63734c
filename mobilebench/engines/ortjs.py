"""ONNX Runtime Web 1.30 in a browser: WebAssembly with SIMD and threads, and WebGPU."""

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


@dataclass(frozen=True)
class OrtjsEngine:
    """See `engines.base.Engine`."""

    setup_patience_s: float = web.SETUP_PATIENCE_S

    name: str = "ortjs"
    kind: Literal["web"] = "web"
    description: str = "ONNX Runtime Web 1.30 in the browser"
    format: Format = "onnx"
    claims_machine: bool = True
    passes: frozenset[Pass] = TIMING_ALONE
    backends: tuple[Backend, ...] = (
        Backend("wasm", ("simd-threads",), "WebAssembly; the only build that this version has uses SIMD and threads"),
        Backend(
            "webgpu",
            ("hardware", "software"),
            "WebGPU shaders; software is SwiftShader, which computes them on the CPU",
            single_threaded=("hardware", "software"),
            uses_gpu=True,
        ),
    )

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        return web.reason_against(self.name, self.backends, target, case)

    def prepare(self, target: Target, case: Case, files: ModelFiles) -> dict[SpentOn, float]:
        web.prepare(target, case, files, "onnx")
        return {}

    def measure(
        self, target: Target, block: PlannedBlock, files: ModelFiles, *, cancel: Event, samples: int = SAMPLES
    ) -> BlockResult:
        uses_gpu = block.case.backend == "webgpu"
        page_case = web.PageCase("onnx", web.gpu_flags(target.info, block.case) if uses_gpu else ())
        return web.measure(
            page_case,
            target,
            block,
            files,
            cancel=cancel,
            samples=samples,
            setup_patience_s=self.setup_patience_s,
        )
