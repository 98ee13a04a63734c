"""Rules that judge how far a measured block can be trusted, by comparing the request with the proof.

`invalid`: something other than the request ran, or the answer is wrong. `suspect`: nothing shows that something else
ran, but something may have changed the numbers, or a proof is missing. The request is never taken as proof of what ran.

A verdict is computed only from stored evidence, so that better rules also apply to old runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from statistics import median
from typing import get_args

from mobilebench.core.agreement import disagreements, malformations
from mobilebench.core.axes import NODE
from mobilebench.core.errors import as_clause
from mobilebench.core.records import (
    Measurement,
    ModelFacts,
    Pass,
    PlannedBlock,
    Reason,
    Stage,
    TargetInfo,
    TraceFile,
    Verdict,
)
from mobilebench.recorders import registry
from mobilebench.verdicts import app, conditions, energy, native, scenarios, surroundings, web
from mobilebench.verdicts.codes import ANSWER_CODES, Code
from mobilebench.verdicts.findings import NOTHING, Around, Evidence, Findings
from mobilebench.verdicts.thresholds import COARSEST_CLOCK, CPU_TIME_ERROR

RULES_VERSION = 3
"""Version of the rules. Increase it with every change that may change the verdict on a stored block."""

HALF_PRECISION = frozenset({"fp16", "tf32"})
"""Arithmetic with ten bits of mantissa, independent of the model's precision."""
_RECORDED_ANSWERS = {
    "wrong answer: ": Code.WRONG_ANSWER,
    "no output was reported": Code.OUTPUT_MISSING,
    "no reference answer": Code.NO_REFERENCE,
    "the model gives another answer each time": Code.RANDOM_MODEL,
    "the model carries state from inference to inference": Code.STATEFUL_MODEL,
    "proof is missing: a reference answer of the model": Code.UNPROVEN_ANSWER,
}
"""Beginnings of sentences about the answer in runs that were stored before reasons had codes."""

_INCOMPLETE_PASS: dict[Pass, Code] = {
    "timing": Code.RECORDED_WHILE_TIMING,
    "kernels": Code.KERNELS_MISSING,
    "memory": Code.MEMORY_MISSING,
    "trace": Code.TRACE_MISSING,
}
"""Pass to the code of what its recorder says of a measurement that is not complete (`recorders.registry.missing`)."""

Rule = Callable[[Evidence, Findings], None]

_logger = logging.getLogger(__name__)


def judge(
    planned: PlannedBlock,
    measurement: Measurement,
    target: TargetInfo,
    model: ModelFacts | None,
    *,
    recorded: Verdict | None = None,
    around: Around = NOTHING,
) -> Verdict:
    """The verdict of this version's rules on one measured block.

    Args:
        planned: what was asked for.
        measurement: what was measured, with its proof.
        target: where it was measured.
        model: the answer that the model must give, if it is known.
        recorded: the verdict that was stored with the block. Its reasons about the answer are repeated when `model`
        is not known.
        around: what was recorded beside the measurement.
    """
    evidence, found = Evidence(planned, measurement, target, model, recorded, around), Findings()
    for rule in _rules_for(planned):
        try:
            rule(evidence, found)
        except Exception as error:
            _logger.debug("rule %s failed on block %d", rule.__name__, planned.index, exc_info=True)
            name = rule.__name__.removeprefix("judge_").replace("_", " ")
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            found.add(Code.RULE_FAILED, f"the rule about {name} failed ({what}), so its findings are not known")
    return found.verdict(RULES_VERSION)


def _rules_for(planned: PlannedBlock) -> tuple[Rule, ...]:
    if planned.case.engine == "sleep":
        return (*OF_THE_BLOCK, judge_waiting)
    if planned.case.is_baseline:
        return OF_BASELINES
    if planned.case.has_scenario:
        return (*OF_THE_BLOCK, *OF_EVERY_ENGINE, *OF_SCENARIOS)
    browser = planned.case.browser
    own = OF_NATIVE_BLOCKS if browser is None else OF_NODE if browser == NODE else OF_PAGES
    return (*OF_THE_BLOCK, *OF_EVERY_ENGINE, *own)


def judge_engine(evidence: Evidence, found: Findings) -> None:
    """The answer has to come from the engine that was asked for."""
    asked, seen = evidence.case.engine, evidence.measurement.engine
    if seen != asked:
        found.add(Code.WRONG_ENGINE, f"{seen} answered, but {asked} was asked for")


def judge_pass(evidence: Evidence, found: Findings) -> None:
    """The measurement has to contain what its pass records, and for a timing pass nothing else."""
    asked, measurement = evidence.planned.pass_, evidence.measurement
    if measurement.pass_ != asked:
        found.add(Code.WRONG_PASS, f"it was a {measurement.pass_} pass, though {asked} was asked for")
    elif asked in registry.IN_ENGINE and (clause := registry.missing(measurement, asked)):
        found.add(_INCOMPLETE_PASS.get(asked, Code.RECORD_MISSING), clause)
    elif asked == "trace" and measurement.trace:
        _judge_trace(measurement.trace, found)


def _judge_trace(trace: TraceFile, found: Findings) -> None:
    stages: tuple[Stage, ...] = get_args(Stage)
    missing = [stage for stage in stages if stage not in trace.marks]
    if not trace.complete:
        without = f"; it lacks {' and '.join(missing)}" if missing else ""
        sentence = f"the browser's buffer was full, and what came later is not in the trace{without}"
        found.add(Code.TRACE_INCOMPLETE, sentence)
    elif missing:
        found.add(Code.TRACE_MARKS_MISSING, f"the page's marks of {' and '.join(missing)} are not in the trace")


def judge_stages(evidence: Evidence, found: Findings) -> None:
    """There have to be a first inference and enough predictions."""
    measurement = evidence.measurement
    together = measurement.predictions_per_sample
    count, least = len(measurement.prediction_ms) * together, evidence.planned.rule.min_predictions
    if count < least:
        found.add(Code.TOO_FEW_PREDICTIONS, f"{count} predictions were made, at least {least} were asked for")
    if not measurement.warmup_ms:
        found.add(Code.WARMUP_MISSING, "the first inference (warmup) was not recorded")
    if together > 1:
        sentence = (
            f"each prediction time is the mean of {together} predictions: the clock cannot tell single ones apart"
        )
        found.add(Code.GROUPED_PREDICTIONS, sentence)


def judge_waiting(evidence: Evidence, found: Findings) -> None:  # noqa: ARG001 - every rule takes the evidence
    """The engine `sleep` only waits."""
    sentence = "the engine sleep computes nothing: its times only show what everything else costs"
    found.add(Code.COMPUTES_NOTHING, sentence)


def judge_setup(evidence: Evidence, found: Findings) -> None:
    """Setup has to be timed."""
    if not evidence.measurement.setup_ms:
        found.unproven(Code.UNPROVEN_SETUP, "times of setup")


def judge_answer(evidence: Evidence, found: Findings) -> None:
    """The output has to agree with the model's reference answer.

    For a model with state, runner and page report the first answer. For a random model, only the shapes are compared,
    and whether the values are finite.
    """
    model, output = evidence.model, evidence.measurement.output
    if model is None:
        _repeat_recorded_answer(evidence, found)
    elif not model.reference:
        found.add(Code.NO_REFERENCE, "no reference answer: whether the output is right is not known")
    elif not output:
        sentence = "no output was reported, so the answer cannot be held against the reference"
        found.add(Code.OUTPUT_MISSING, sentence)
    elif model.random:
        _add_wrong_answers(malformations(model.reference, output, sizes_vary=model.sizes_vary), found)
        sentence = "the model gives another answer each time: agreement cannot be checked"
        found.add(Code.RANDOM_MODEL, sentence)
    else:
        coarse = evidence.case.arithmetic in HALF_PRECISION
        tolerance = model.half_precision_tolerance if coarse else model.tolerance
        _add_wrong_answers(disagreements(model.reference, output, tolerance), found)
        if model.stateful:
            sentence = "the model carries state from inference to inference: its first answer was compared"
            found.add(Code.STATEFUL_MODEL, sentence)


def _add_wrong_answers(differences: list[str], found: Findings) -> None:
    for one in differences:
        clause = as_clause(one)
        found.add(Code.WRONG_ANSWER, f"wrong answer: {clause}")


def _repeat_recorded_answer(evidence: Evidence, found: Findings) -> None:
    """Repeat the recorded reasons about the answer. Older runs were stored without reference answers."""
    if evidence.recorded is None:
        found.unproven(Code.UNPROVEN_ANSWER, "a reference answer of the model")
        return
    for reason in evidence.recorded.reasons:
        if code := _answer_code(reason):
            found.add(code, reason.sentence)


def _answer_code(reason: Reason) -> Code | None:
    if reason.code in ANSWER_CODES:
        return Code(reason.code)  # type: ignore[call-arg]  # a lookup by value, not a new member
    if reason.code != Reason.WITHOUT_CODE:
        return None
    return next((code for begin, code in _RECORDED_ANSWERS.items() if reason.sentence.startswith(begin)), None)


def judge_backend(evidence: Evidence, found: Findings) -> None:
    """The engine has to report that it computed on the backend that was asked for."""
    asked, seen = evidence.case.backend, evidence.proof.backend
    if seen is None:
        found.unproven(Code.UNPROVEN_BACKEND, "the backend, read back from the engine")
    elif seen != asked:
        found.add(Code.WRONG_BACKEND, f"the engine computed on {seen}, not on {asked}")


def judge_threads(evidence: Evidence, found: Findings) -> None:
    """The number of working threads has to be the number that was asked for."""
    case, seen = evidence.case, evidence.proof.threads
    if not case.browser and case.backend not in native.ON_THE_PROCESSOR:
        return
    cores = _cores(evidence)
    if case.threads > cores:
        sentence = f"{case.threads} threads were asked for on {cores} core{'' if cores == 1 else 's'}"
        found.add(Code.MORE_THREADS_THAN_CORES, sentence)
    if seen is None:
        if case.backend not in web.GPUS_OF_PAGES:
            found.unproven(Code.UNPROVEN_THREADS, "the number of threads, read back or seen at work")
    elif seen > case.threads:
        sentence = f"{seen} threads, not {case.threads}, were at work{_source(evidence)}"
        if _has_two_pools(evidence) and _took_turns(evidence):
            taking_turns = f"{sentence}; those of TensorFlow Lite's two pools took turns"
            found.add(Code.TWO_THREAD_POOLS, taking_turns)
        else:
            found.add(Code.TOO_MANY_THREADS, sentence)
    elif seen < case.threads:
        _judge_idle_threads(seen, evidence, cores, found)


def _cores(evidence: Evidence) -> int:
    """How many of the target's cores the case may use."""
    chosen = evidence.proof.affinity if evidence.case.affinity != "none" else None
    return len(chosen) if chosen else evidence.target.cores


def _judge_idle_threads(seen: int, evidence: Evidence, cores: int, found: Findings) -> None:
    """Explain why too few threads worked: no more existed, or a small model or few cores left them idle."""
    case, proof = evidence.case, evidence.proof
    alive = None if case.browser else proof.threads_alive
    if alive is not None and alive >= case.threads:
        sentence = f"{alive} threads were there, but only {seen} had work{_source(evidence)}"
        found.add(Code.THREADS_IDLE, sentence)
        return
    used = [] if case.browser else proof.thread_cpu_ms
    starved = case.threads > cores and seen >= cores and bool(used) and alive is None
    sentence = f"{seen} of {case.threads} threads were at work{_source(evidence)}"
    found.add(Code.THREADS_STARVED if starved else Code.THREADS_MISSING, sentence)


def _has_two_pools(evidence: Evidence) -> bool:
    """Whether TensorFlow Lite's own kernels ran some nodes; their threads are not XNNPACK's."""
    delegated = sum(share.nodes for share in evidence.proof.delegates)
    nodes = evidence.proof.graph_nodes
    return evidence.case.engine == "tflite" and nodes is not None and delegated < nodes


def _took_turns(evidence: Evidence) -> bool:
    """Whether the used processor time is no more than the requested number of threads can use at once."""
    measurement = evidence.measurement
    passed = sum(measurement.prediction_ms) * measurement.predictions_per_sample
    used = sum(measurement.proof.thread_cpu_ms)
    return 0 < used <= evidence.case.threads * passed * (1 + CPU_TIME_ERROR)


def _source(evidence: Evidence) -> str:
    return f" ({evidence.proof.threads_source})" if evidence.proof.threads_source else ""


def judge_clock(evidence: Evidence, found: Findings) -> None:
    """The clock's resolution has to be small compared with the time of a prediction."""
    measurement = evidence.measurement
    resolution, together = measurement.proof.clock_resolution_ms, measurement.predictions_per_sample
    if resolution is None or resolution <= 0:
        found.unproven(Code.UNPROVEN_CLOCK, "the clock's resolution")
    elif measurement.prediction_ms:
        typical = median(measurement.prediction_ms) * together
        if resolution > COARSEST_CLOCK * typical:
            share = f"{resolution / typical:.1%} of" if typical > 0 else "more than"
            what = "the median prediction" if together == 1 else f"{together} predictions, which are timed together"
            sentence = f"the clock moves in steps of {resolution:.3g} ms, {share} {what}"
            found.add(Code.CLOCK_TOO_COARSE, sentence)


OF_THE_BLOCK: tuple[Rule, ...] = (judge_engine, judge_pass, judge_stages, energy.judge_energy)
OF_EVERY_ENGINE: tuple[Rule, ...] = (
    judge_setup,
    judge_answer,
    judge_backend,
    judge_threads,
    judge_clock,
    surroundings.judge_readiness,
    surroundings.judge_repeats,
    conditions.judge_conditions,
    surroundings.judge_throttling,
    surroundings.judge_temperature,
    surroundings.judge_clocks,
    surroundings.judge_other_load,
    surroundings.judge_slowdown,
)
"""Rules for all engines except `sleep`, which computes nothing."""
OF_PAGES: tuple[Rule, ...] = (
    web.judge_wasm_build,
    web.judge_renderer,
    web.judge_visibility,
    web.judge_downloads,
    web.judge_release,
    web.judge_browser,
    web.judge_isolation,
    web.judge_page_threads,
)
OF_SCENARIOS: tuple[Rule, ...] = (
    web.judge_wasm_build,
    web.judge_renderer,
    web.judge_visibility,
    web.judge_release,
    web.judge_browser,
    web.judge_isolation,
    scenarios.judge_use,
    scenarios.judge_place,
    scenarios.judge_duty,
    scenarios.judge_inferring,
)
"""Rules for pages that are used while a model infers in them. The engine's files are put into such a page, so it
downloads nothing; its threads also do the page's own work, so the engine alone tells their number."""
OF_BASELINES: tuple[Rule, ...] = (
    judge_engine,
    judge_pass,
    web.judge_visibility,
    web.judge_browser,
    surroundings.judge_readiness,
    surroundings.judge_repeats,
    conditions.judge_conditions,
    surroundings.judge_throttling,
    surroundings.judge_temperature,
    scenarios.judge_use,
)
"""Rules for pages that are used while nothing infers in them."""
OF_NODE: tuple[Rule, ...] = (web.judge_wasm_build, web.judge_release, web.judge_node, web.judge_page_threads)
OF_NATIVE_BLOCKS: tuple[Rule, ...] = (
    native.judge_delegation,
    native.judge_affinity,
    native.judge_priority,
    native.judge_page_cache,
    native.judge_model_access,
    app.judge_app,
)
