"""How far a measured block can be trusted: what was asked, held against what the proof shows.

`invalid`: something else ran than what was asked, or its answer is wrong. `suspect`: it ran as asked as far as can be
seen, but something may have bent the numbers, or a proof is missing. Nothing here is an echo of the request.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import get_args

from mobilebench.core.records import Case, Measurement, PlannedBlock, Stage, TargetInfo, Verdict
from mobilebench.engines import litertjs
from mobilebench.models import behaviour, registry
from mobilebench.models.agreement import disagreements, malformations
from mobilebench.models.manifest import Manifest
from mobilebench.models.spec import USUAL_TOLERANCE
from mobilebench.session.circumstances import judge_circumstances
from mobilebench.session.delegation import ON_THE_PROCESSOR, judge_delegation
from mobilebench.session.downloads import judge_downloads
from mobilebench.session.findings import Findings
from mobilebench.session.page_threads import judge_page_threads

GPUS_OF_PAGES = frozenset({"webgl", "webgpu", "webnn"})
HALF_PRECISION = frozenset({"fp16", "tf32"})
"""Arithmetic with ten bits of mantissa, whatever the model's number format."""
COARSEST_CLOCK = 0.01
"""Largest clock resolution as a share of the median prediction."""

_CPU_TIME_ERROR = 0.05
"""Threads' processor time is read a little before and after the predictions."""


def judge(planned: PlannedBlock, measurement: Measurement, target: TargetInfo, manifest: Manifest | None) -> Verdict:
    """The verdict on one measured block. `manifest` holds the reference answer of the model that was measured."""
    found = Findings()
    case = planned.case
    if measurement.engine != case.engine:
        found.wrong.append(f"{measurement.engine} answered, but {case.engine} was asked for")
    _judge_pass(planned, measurement, found)
    _judge_stages(planned, measurement, found)
    if case.engine == "sleep":
        found.doubtful.append("the engine sleep computes nothing: its times only show what everything else costs")
        return found.verdict()
    if not measurement.setup_ms:
        found.missing("times of setup")
    _judge_output(case, measurement, manifest, found)
    _judge_backend(case, measurement, found)
    _judge_threads(case, measurement, target, found)
    _judge_clock(measurement, found)
    if case.browser:
        _judge_page(case, measurement, found)
        judge_page_threads(case, measurement.proof, found)
    else:
        judge_delegation(planned, measurement.proof, found)
        judge_circumstances(planned, measurement.proof, found)
    return found.verdict()


def _judge_pass(planned: PlannedBlock, measurement: Measurement, found: Findings) -> None:
    asked, made = planned.pass_, measurement.pass_
    if made != asked:
        found.wrong.append(f"it was a {made} pass, though {asked} was asked for")
    elif asked == "kernels" and not measurement.kernels:
        found.wrong.append("the engine's profiler told no kernel")
    elif asked == "memory" and not (measurement.memory and (measurement.memory.readings or measurement.memory.page)):
        found.wrong.append("no memory was read")
    elif asked == "trace":
        _judge_trace(measurement, found)
    elif asked == "timing" and (measurement.kernels or measurement.memory or measurement.trace):
        found.wrong.append("kernels, memory or a trace were watched, which takes time that a timing pass does not have")


def _judge_trace(measurement: Measurement, found: Findings) -> None:
    trace = measurement.trace
    if trace is None:
        found.wrong.append("no trace was recorded")
        return
    stages: tuple[Stage, ...] = get_args(Stage)
    missing = [stage for stage in stages if stage not in trace.marks]
    if not trace.complete:
        without = f"; it lacks {' and '.join(missing)}" if missing else ""
        found.doubtful.append(f"the browser's buffer was full, and what came later is not in the trace{without}")
    elif missing:
        found.wrong.append(f"the page's marks of {' and '.join(missing)} are not in the trace")


def _judge_stages(planned: PlannedBlock, measurement: Measurement, found: Findings) -> None:
    together = measurement.predictions_per_sample
    count, least = len(measurement.prediction_ms) * together, planned.rule.min_predictions
    if count < least:
        found.wrong.append(f"{count} predictions were made, at least {least} were asked for")
    if not measurement.warmup_ms:
        found.wrong.append("the first inference (warmup) was not recorded")
    if together > 1:
        found.remarks.append(
            f"each prediction time is the mean of {together} predictions: the clock cannot tell single ones apart"
        )


def _judge_output(case: Case, measurement: Measurement, manifest: Manifest | None, found: Findings) -> None:
    if manifest is None:
        found.missing("a reference answer of the model")
    elif not manifest.reference:
        found.doubtful.append("no reference answer: whether the output is right is not known")
    elif not measurement.output:
        found.wrong.append("no output was reported, so the answer cannot be held against the reference")
    else:
        _judge_answer(case, measurement, manifest, found)


def _judge_answer(case: Case, measurement: Measurement, manifest: Manifest, found: Findings) -> None:
    """Of a model that carries state, runner and page report the first answer; a random one has none to agree with."""
    model = behaviour.of(manifest)
    if model.random:
        wrong = malformations(manifest.reference, measurement.output, sizes_vary=model.sizes_vary)
        found.doubtful.append("the model gives another answer each time: agreement cannot be checked")
    else:
        wrong = disagreements(manifest.reference, measurement.output, _tolerance(case, manifest))
        if model.stateful:
            found.remarks.append("the model carries state from inference to inference: its first answer was compared")
    found.wrong += [f"wrong answer: {_clause(difference)}" for difference in wrong]


def _tolerance(case: Case, manifest: Manifest) -> float:
    """That of the precision, or that of fp16 where it is wider and the arithmetic is no more exact than that."""
    if case.arithmetic not in HALF_PRECISION:
        return manifest.tolerance
    known = registry.get(manifest.model).tolerance if registry.knows(manifest.model) else {}
    return max(manifest.tolerance, known.get("fp16", USUAL_TOLERANCE["fp16"]))


def _judge_backend(case: Case, measurement: Measurement, found: Findings) -> None:
    proof = measurement.proof
    if proof.backend is None:
        found.missing("the backend, read back from the engine")
    elif proof.backend != case.backend:
        found.wrong.append(f"the engine computed on {proof.backend}, not on {case.backend}")
    if case.backend == "wasm":
        _judge_wasm(case, measurement, found)
    if case.gpu:
        _judge_renderer(case, measurement, found)


def _judge_wasm(case: Case, measurement: Measurement, found: Findings) -> None:
    proof = measurement.proof
    names = [file.name for file in proof.files if file.name.lower().endswith(".wasm")]
    if not names:
        found.missing("which wasm file was loaded")
    for name in names:
        if _build(name) != case.wasm_build:
            found.wrong.append(f"{name} was loaded, which is not the build {case.wasm_build}")
    if proof.simd is not None and proof.simd != (case.wasm_build not in ("plain", "threads")):
        found.wrong.append(
            f"the wasm build {'has' if proof.simd else 'lacks'} SIMD, though {case.wasm_build} was asked for"
        )


def _build(path: str) -> str:
    """The Wasm build that a file is, by the name under which it is published."""
    name = path.rpartition("/")[2]
    known = next((build for build, file in litertjs.BUILDS.items() if file == name), None)
    if known is not None:
        return known
    words = [word for word, mark in (("simd", "simd"), ("threads", "threaded")) if mark in name]
    return "-".join(words) or "plain"


def _judge_renderer(case: Case, measurement: Measurement, found: Findings) -> None:
    proof = measurement.proof
    named = f" ({proof.renderer})" if proof.renderer else ""
    if proof.renderer_software is None:
        found.missing("whether the renderer is hardware or software" + named)
    elif proof.renderer_software != (case.gpu == "software"):
        ran = "in software" if proof.renderer_software else "on a GPU"
        found.wrong.append(f"it ran {ran}{named}, though {case.gpu} was asked for")


def _judge_threads(case: Case, measurement: Measurement, target: TargetInfo, found: Findings) -> None:
    if not case.browser and case.backend not in ON_THE_PROCESSOR:
        return
    cores = _cores(case, measurement, target)
    if case.threads > cores:
        found.doubtful.append(f"{case.threads} threads were asked for on {cores} core{'' if cores == 1 else 's'}")
    seen = measurement.proof.threads
    if seen is None:
        if case.backend not in GPUS_OF_PAGES:
            found.missing("the number of threads, read back or seen at work")
    elif seen > case.threads:
        sentence = f"{seen} threads, not {case.threads}, were at work{_source(measurement)}"
        if _two_pools(case, measurement) and _took_turns(measurement, case.threads):
            found.remarks.append(f"{sentence}; those of TensorFlow Lite's two pools took turns")
        else:
            found.wrong.append(sentence)
    elif seen < case.threads:
        _judge_idle_threads(case, seen, measurement, cores, found)


def _cores(case: Case, measurement: Measurement, target: TargetInfo) -> int:
    """Those of the target on which the case might run."""
    chosen = measurement.proof.affinity if case.affinity != "none" else None
    return len(chosen) if chosen else target.cores


def _judge_idle_threads(case: Case, seen: int, measurement: Measurement, cores: int, found: Findings) -> None:
    """Too few threads were at work: there were no more of them, or a small model or few cores left them idle."""
    alive = None if case.browser else measurement.proof.threads_alive
    if alive is not None and alive >= case.threads:
        idle = f"{alive} threads were there, but only {seen} had work{_source(measurement)}"
        found.doubtful.append(idle)
        return
    sentence = f"{seen} of {case.threads} threads were at work{_source(measurement)}"
    used = [] if case.browser else measurement.proof.thread_cpu_ms
    starved = case.threads > cores and seen >= cores and bool(used)
    (found.doubtful if starved and alive is None else found.wrong).append(sentence)


def _two_pools(case: Case, measurement: Measurement) -> bool:
    """Whether TensorFlow Lite's own kernels ran some of the nodes: they have threads beside XNNPACK's."""
    delegated = sum(share.nodes for share in measurement.proof.delegates)
    nodes = measurement.proof.graph_nodes
    return case.engine == "tflite" and nodes is not None and delegated < nodes


def _took_turns(measurement: Measurement, threads: int) -> bool:
    """Whether no more processor time was used than so many threads can use at once."""
    passed = sum(measurement.prediction_ms) * measurement.predictions_per_sample
    used = sum(measurement.proof.thread_cpu_ms)
    return 0 < used <= threads * passed * (1 + _CPU_TIME_ERROR)


def _source(measurement: Measurement) -> str:
    return f" ({measurement.proof.threads_source})" if measurement.proof.threads_source else ""


def _judge_clock(measurement: Measurement, found: Findings) -> None:
    resolution = measurement.proof.clock_resolution_ms
    together = measurement.predictions_per_sample
    if resolution is None or resolution <= 0:
        found.missing("the clock's resolution")
    elif measurement.prediction_ms:
        typical = median(measurement.prediction_ms) * together
        if resolution > COARSEST_CLOCK * typical:
            share = f"{resolution / typical:.1%} of" if typical > 0 else "more than"
            what = "the median prediction" if together == 1 else f"{together} predictions, which are timed together"
            found.doubtful.append(f"the clock moves in steps of {resolution:.3g} ms, {share} {what}")


def _judge_page(case: Case, measurement: Measurement, found: Findings) -> None:
    found.doubtful += _hidden(measurement)
    judge_downloads(case, measurement, found)
    proof = measurement.proof
    _judge_release(case, measurement, found)
    if proof.browser_version is None:
        found.missing("the browser's version")
    if not (case.wasm_build or "").endswith("threads"):
        return
    if proof.cross_origin_isolated is None:
        found.missing("whether the page was isolated")
    elif not proof.cross_origin_isolated:
        found.wrong.append("the page was not cross-origin isolated, so it cannot have had threads")


def _judge_release(case: Case, measurement: Measurement, found: Findings) -> None:
    release = case.engine.partition("@")[2]
    if release and measurement.version is None:
        found.missing("which release of the engine ran")
    elif release and not f"{measurement.version}.".startswith(f"{release}."):
        found.wrong.append(f"release {measurement.version} ran, not {release}")


def _hidden(measurement: Measurement) -> Iterator[str]:
    if measurement.proof.visible is None:
        yield "proof is missing: whether the page was visible"
    elif not measurement.proof.visible:
        yield "the page was hidden for a time, and browsers slow hidden pages down"
    headless = any("headless" in flag for flag in measurement.proof.flags)
    if measurement.proof.focused is False and not headless:
        yield "the page did not have the focus throughout, and a window that another one covers may be slowed down"


def _clause(sentence: str) -> str:
    """A sentence as a part of another one."""
    return f"{sentence[:1].lower()}{sentence[1:]}".rstrip(".")
