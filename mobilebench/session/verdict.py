"""How far a measured block can be trusted: what was asked, held against what the proof shows.

`invalid`: something else ran than what was asked, or its answer is wrong. `suspect`: it ran as asked as far as can be
seen, but something may have bent the numbers, or a proof is missing. Nothing here is an echo of the request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from mobilebench.engines import litertjs
from mobilebench.models.agreement import disagreements
from mobilebench.models.manifest import Manifest
from mobilebench.results.records import Case, Measurement, PlannedBlock, TargetInfo, Verdict

GPU_BACKENDS = frozenset({"webgl", "webgpu", "webnn", "gpu", "nnapi", "cuda"})
COARSEST_CLOCK = 0.01
"""Largest clock resolution as a share of the median prediction."""

_WASM_SETTINGS = frozenset({"plain", "simd", "simd-threads", *litertjs.BUILDS})


@dataclass
class _Findings:
    wrong: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)

    def missing(self, what: str) -> None:
        self.doubtful.append(f"proof is missing: {what}")

    def verdict(self) -> Verdict:
        if self.wrong:
            return Verdict(status="invalid", reasons=[*self.wrong, *self.doubtful])
        return Verdict(status="suspect" if self.doubtful else "valid", reasons=self.doubtful)


def judge(planned: PlannedBlock, measurement: Measurement, target: TargetInfo, manifest: Manifest | None) -> Verdict:
    """The verdict on one measured block. `manifest` holds the reference answer of the model that was measured."""
    found = _Findings()
    case = planned.case
    if measurement.engine != case.engine:
        found.wrong.append(f"{measurement.engine} answered, but {case.engine} was asked for")
    _judge_stages(planned, measurement, found)
    if case.engine == "sleep":
        found.doubtful.append("the engine sleep computes nothing: its times only show what everything else costs")
        return found.verdict()
    if not measurement.setup_ms:
        found.missing("times of setup")
    _judge_output(measurement, manifest, found)
    _judge_backend(case, measurement, found)
    _judge_threads(case, measurement, target, found)
    _judge_clock(measurement, found)
    if case.browser:
        _judge_page(case, measurement, found)
    return found.verdict()


def _judge_stages(planned: PlannedBlock, measurement: Measurement, found: _Findings) -> None:
    count, least = len(measurement.prediction_ms), planned.rule.min_predictions
    if count < least:
        found.wrong.append(f"{count} predictions were made, at least {least} were asked for")
    if not measurement.warmup_ms:
        found.wrong.append("the first inference (warmup) was not recorded")


def _judge_output(measurement: Measurement, manifest: Manifest | None, found: _Findings) -> None:
    if manifest is None:
        found.missing("a reference answer of the model")
    elif not manifest.reference:
        found.doubtful.append("no reference answer: whether the output is right is not known")
    elif not measurement.output:
        found.wrong.append("no output was reported, so the answer cannot be held against the reference")
    else:
        differences = disagreements(manifest.reference, measurement.output, manifest.tolerance)
        found.wrong += [f"wrong answer: {_clause(difference)}" for difference in differences]


def _judge_backend(case: Case, measurement: Measurement, found: _Findings) -> None:
    proof = measurement.proof
    if proof.backend is None:
        found.missing("the backend, read back from the engine")
    elif proof.backend != case.backend:
        found.wrong.append(f"the engine computed on {proof.backend}, not on {case.backend}")
    if case.setting == "xnnpack":
        _judge_xnnpack(measurement, found)
    if case.backend == "wasm":
        _judge_wasm(case, measurement, found)
    if case.setting in ("hardware", "software"):
        _judge_renderer(case, measurement, found)


def _judge_xnnpack(measurement: Measurement, found: _Findings) -> None:
    shares = [share for share in measurement.proof.delegates if "xnnpack" in share.name.lower()]
    if not shares:
        found.missing("how many nodes XNNPACK took")
    elif sum(share.nodes for share in shares) == 0:
        found.wrong.append("XNNPACK took 0 nodes: the engine's own kernels ran")


def _judge_wasm(case: Case, measurement: Measurement, found: _Findings) -> None:
    proof = measurement.proof
    names = [file.name for file in proof.files if file.name.lower().endswith(".wasm")]
    if not names:
        found.missing("which wasm file was loaded")
    if case.setting not in _WASM_SETTINGS:
        return
    for name in names:
        if _build(name) != case.setting:
            found.wrong.append(f"{name} was loaded, which is not the build {case.setting}")
    if proof.simd is not None and proof.simd != (case.setting != "plain"):
        found.wrong.append(
            f"the wasm build {'has' if proof.simd else 'lacks'} SIMD, though {case.setting} was asked for"
        )


def _build(path: str) -> str:
    """The setting whose build a wasm file is, by the name under which it is published."""
    name = path.rpartition("/")[2]
    known = next((setting for setting, file in litertjs.BUILDS.items() if file == name), None)
    if known is not None:
        return known
    words = [word for word, mark in (("simd", "simd"), ("threads", "threaded")) if mark in name]
    return "-".join(words) or "plain"


def _judge_renderer(case: Case, measurement: Measurement, found: _Findings) -> None:
    proof = measurement.proof
    named = f" ({proof.renderer})" if proof.renderer else ""
    if proof.renderer_software is None:
        found.missing("whether the renderer is hardware or software" + named)
    elif proof.renderer_software != (case.setting == "software"):
        ran = "in software" if proof.renderer_software else "on a GPU"
        found.wrong.append(f"it ran {ran}{named}, though {case.setting} was asked for")


def _judge_threads(case: Case, measurement: Measurement, target: TargetInfo, found: _Findings) -> None:
    crowded = case.threads > target.cores
    if crowded:
        found.doubtful.append(f"{case.threads} threads were asked for on {target.cores} cores")
    seen = measurement.proof.threads
    if seen is None:
        if case.backend not in GPU_BACKENDS:
            found.missing("the number of threads, read back or seen at work")
    elif seen != case.threads:
        source = f" ({measurement.proof.threads_source})" if measurement.proof.threads_source else ""
        sentence = (
            f"{seen} of {case.threads} threads" if seen < case.threads else f"{seen} threads, not {case.threads},"
        )
        starved = crowded and target.cores <= seen < case.threads and bool(measurement.proof.thread_cpu_ms)
        (found.doubtful if starved else found.wrong).append(f"{sentence} were at work{source}")


def _judge_clock(measurement: Measurement, found: _Findings) -> None:
    resolution = measurement.proof.clock_resolution_ms
    if resolution is None:
        found.missing("the clock's resolution")
    elif measurement.prediction_ms:
        typical = median(measurement.prediction_ms)
        if resolution > COARSEST_CLOCK * typical:
            share = f"{resolution / typical:.1%} of" if typical > 0 else "more than"
            found.doubtful.append(f"the clock moves in steps of {resolution:.3g} ms, {share} the median prediction")


def _judge_page(case: Case, measurement: Measurement, found: _Findings) -> None:
    found.doubtful += _hidden(measurement)
    proof = measurement.proof
    if proof.browser_version is None:
        found.missing("the browser's version")
    if not case.setting.endswith("threads"):
        return
    if proof.cross_origin_isolated is None:
        found.missing("whether the page was isolated")
    elif not proof.cross_origin_isolated:
        found.wrong.append("the page was not cross-origin isolated, so it cannot have had threads")


def _hidden(measurement: Measurement) -> Iterator[str]:
    if measurement.proof.visible is None:
        yield "proof is missing: whether the page was visible"
    elif not measurement.proof.visible:
        yield "the page was hidden for a time, and browsers slow hidden pages down"


def _clause(sentence: str) -> str:
    """A sentence as a part of another one."""
    return f"{sentence[:1].lower()}{sentence[1:]}".rstrip(".")
