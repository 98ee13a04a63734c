"""The engine of a page in which nothing infers: the baseline of a scenario (`scenarios.block` measures it)."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Literal

from mobilebench.core.axes import NO_BACKEND, PAGE
from mobilebench.core.errors import Unsupported
from mobilebench.core.records import Case, PlannedBlock, TargetInfo
from mobilebench.engines import web
from mobilebench.engines.base import Backend, BlockResult, PreparedCase
from mobilebench.models.manifest import ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.targets.base import Target

_ONLY_IN_SCENARIOS = "it infers nothing, so it only stands for the page of a scenario (--scenario)"


class PageEngine:
    """See `engines.base.Engine`. It can neither infer nor be measured by itself."""

    name = PAGE
    kind: Literal["web"] = "web"
    description = "a page in which nothing infers, as the baseline of a scenario"
    backends = (Backend(NO_BACKEND, "nothing is computed", single_threaded=True),)
    format = None
    why_no_kernels = "it infers nothing"
    claims_machine = True
    start_seconds = 0.0

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        if not case.has_scenario:
            return _ONLY_IN_SCENARIOS
        return web.reason_against(self.name, self.backends, target, case)

    def prepare(self, target: Target, block: PlannedBlock, files: ModelFiles) -> PreparedCase:  # noqa: ARG002
        raise Unsupported(f"{_ONLY_IN_SCENARIOS}.")

    def measure(
        self,
        prepared: PreparedCase,  # noqa: ARG002
        *,
        cancel: Event,  # noqa: ARG002
        samples: int = SAMPLES,  # noqa: ARG002
        traces: Path | None = None,  # noqa: ARG002
    ) -> BlockResult:
        raise Unsupported(f"{_ONLY_IN_SCENARIOS}.")
