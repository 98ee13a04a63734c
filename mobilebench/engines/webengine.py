"""A web engine as data: one release of a framework, its backends, and what they offer and lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Literal

from mobilebench.core.axes import GPUS
from mobilebench.core.records import Case, PlannedBlock, TargetInfo
from mobilebench.engines import model_limits, web
from mobilebench.engines.base import Backend, BlockResult
from mobilebench.models import user_store
from mobilebench.models.manifest import Format, Manifest, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.targets.base import Target


@dataclass(frozen=True)
class WebEngine:
    """See `engines.base.Engine`. Its name carries its version, unless it is the current one: `ortjs@1.18`."""

    name: str
    release: str
    """The version that its pages have to report begins with this, up to a dot: `1.18`."""
    description: str
    format: Format
    backends: tuple[Backend, ...]
    most_threads: int | None = None
    """The largest number of threads that the framework starts."""
    cores_a_thread: int = 0
    """How many cores the page has to see for each thread, in builds with threads; 0: any number will do."""
    refuses_one_thread: Mapping[str, str] = field(default_factory=dict)
    """Wasm build to the build that the framework loads in its place when one thread is asked for."""

    refuses_model: Callable[[Manifest], str | None] | None = None
    """Returns why the engine cannot run a user's model, judged by the manifest; None when nothing is against it."""

    setup_patience_s: float = web.SETUP_PATIENCE_S
    kind: Literal["web"] = "web"
    claims_machine: bool = True
    why_no_kernels: str | None = None

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        if reason := web.reason_against(self.name, self.backends, target, case):
            return reason
        if self.most_threads is not None and case.threads > self.most_threads:
            return f"{self.name} starts at most {self.most_threads} threads"
        if case.threads == 1 and (reason := self.refuses_one_thread.get(case.wasm_build or "")):
            return reason
        own = user_store.find(case.model)
        if own is None:
            return None
        reason = self.refuses_model(own.manifest) if self.refuses_model else None
        return reason or model_limits.why_not(self.name, own, self.format)

    def prepare(self, target: Target, block: PlannedBlock, files: ModelFiles) -> web.PreparedPage:
        """Check that the model can be served. Pages fetch it, so nothing is pushed."""
        return web.prepare(self.page_case(target.info, block.case), target, block, files)

    def measure(
        self,
        prepared: web.PreparedPage,
        *,
        cancel: Event,
        samples: int = SAMPLES,
        traces: Path | None = None,
    ) -> BlockResult:
        """Measure one block in a fresh page."""
        return web.measure(
            prepared, cancel=cancel, samples=samples, setup_patience_s=self.setup_patience_s, traces=traces
        )

    def page_case(self, target: TargetInfo, case: Case) -> web.PageCase:
        """How a page runs this case on this target."""
        backend = next(one for one in self.backends if one.name == case.backend)
        needed = 0 if backend.on_one_thread(case.wasm_build) else self.cores_a_thread * case.threads
        return web.PageCase(
            self.format,
            web.flags(target, case, uses_gpu=backend.uses_gpu),
            hardware_concurrency=needed if target.cores < needed else None,
            patience=SLOW if case.backend == "js" or case.gpu == "software" else 1,
        )


SLOW = 5
"""Factor on the waiting time for plain JavaScript, and where the CPU does a GPU's work."""


def gpu_backend(name: str, description: str, missing: str | None = None) -> Backend:
    """A backend on a GPU; `missing` is why this release has none."""
    return Backend(
        name, f"{description}; software computes them on the CPU", {"gpu": GPUS}, missing=missing, single_threaded=True
    )
