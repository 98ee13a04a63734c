"""What has to be known about a result: how the proof from inside the page differs from what was asked for."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from mobilebench.core.agreement import disagreements, malformations
from mobilebench.core.errors import as_clause
from mobilebench.core.page_metrics import LONG_MS
from mobilebench.core.records import Case, ModelFacts
from mobilebench.scenarios.injection.messages import InjectedAnswer
from mobilebench.scenarios.injection.results import InjectionResult, Remark
from mobilebench.verdicts import scenarios
from mobilebench.verdicts.codes import level_of
from mobilebench.verdicts.findings import Findings
from mobilebench.verdicts.next_steps import next_step

FEWEST_STEPS = 10
"""An inference has to last this many steps of the page's clock, or its time is mostly rounding."""


def remarks_on(result: InjectionResult, case: Case | None, model: ModelFacts | None) -> list[Remark]:
    """Every remark on a result; `case` and `model` are None where nothing was injected."""
    found = [*_on_page(result)]
    if result.answer is not None and case is not None and model is not None:
        found += remarks_on_engine(result.answer, case, model)
        found += _on_times(result.answer)
    return [*found, *_by_rules(result)]


def _by_rules(result: InjectionResult) -> Iterator[Remark]:
    """What the rules for blocks of scenarios say of the raw values."""
    found, plan, answer = Findings(), result.plan, result.answer
    if answer is not None:
        scenarios.of_place(plan.place, answer.proof.runs_in, found)
        starts, times, first = answer.inference_start_ms, answer.inference_ms, answer.warmup_ms or 0.0
        scenarios.of_duty(scenarios.Inferences(plan.duty, starts, times, first, result.window_ms), found)
        scenarios.of_visibility(answer.states, found)
    if plan.baseline_seconds:
        scenarios.of_frames(result.baseline.times_ms, "before anything was injected", found)
    scenarios.of_frames(result.frames.times_ms, "in the measured time", found)
    for reason in found.reasons:
        level = level_of(reason.code)
        yield Remark(
            code=reason.code,
            status="valid" if level == "remark" else level,
            sentence=reason.sentence,
            next_step=next_step(reason.code),
        )


def remarks_on_engine(answer: InjectedAnswer, case: Case, model: ModelFacts) -> list[Remark]:
    """The remarks on what ran in the page, and on its answer to the model's usual input."""
    return [*_on_proof(answer, case), *_on_output(answer, model)]


def _on_page(result: InjectionResult) -> Iterator[Remark]:
    if result.redirected:
        yield Remark(
            code="redirected",
            status="suspect",
            sentence=f"the page was redirected to {result.url}",
            next_step="Name that address, if it is the page that you mean.",
        )
    if result.frames_failed:
        yield Remark(
            code="frames-failed",
            status="suspect" if result.isolated_by_us else "valid",
            sentence=f"{result.frames_failed} of the page's frames did not load",
            next_step="Chrome loads no frames of other sites into a page that we isolated: measure with one thread and "
            "without --isolate, or in Firefox."
            if result.isolated_by_us
            else "Look at the page in a browser of yours; a site may refuse to be shown inside others.",
        )
    if result.frames_elsewhere and result.plan.frame is None:
        inside = f"{result.frames_elsewhere} frame{'s' if result.frames_elsewhere > 1 else ''} inside the page"
        yield Remark(
            code="frames-elsewhere",
            status="valid",
            sentence=f"{inside} of other sites ran in processes of their own: neither the inference nor the counted "
            "frames are theirs",
            next_step="Measure in such a frame with --frame and a part of its address.",
        )
    states = result.answer.states if result.answer else []
    if states and not all(state.focused for state in states):
        yield Remark(code="no-focus", status="valid", sentence="the page did not have the focus throughout")


def _on_proof(answer: InjectedAnswer, case: Case) -> Iterator[Remark]:
    proof = answer.proof
    if proof.backend != case.backend:
        yield _invalid("backend", f"the engine computed on {proof.backend or 'an unknown backend'}, not {case.backend}")
    if case.backend == "wasm" and proof.threads != case.threads:
        sentence = f"the engine used {proof.threads if proof.threads is not None else 'an unknown number of'} threads"
        yield _invalid("threads", f"{sentence}, not {case.threads}")
    if case.gpu == "hardware" and proof.renderer_software:
        yield _invalid("software-gpu", f"the processor did the GPU's work ({proof.renderer})")
    if case.backend == "wasm" and not any(file.sha256 for file in proof.files):
        yield Remark(
            code="no-hash",
            status="suspect",
            sentence="the WebAssembly that ran could not be hashed: the page is not a secure context",
        )
    step = proof.clock_resolution_ms
    if step and answer.inference_ms and statistics.median(answer.inference_ms) < FEWEST_STEPS * step:
        yield Remark(
            code="coarse-clock",
            status="suspect",
            sentence=f"inferences are short for the page's clock, which moves in steps of {step:.3g} ms",
            next_step="Measure a larger model or batch."
            if proof.cross_origin_isolated
            else "Its clock is finer with --isolate.",
        )


def _on_output(answer: InjectedAnswer, model: ModelFacts) -> Iterator[Remark]:
    if not model.reference:
        yield Remark(
            code="no-reference", status="suspect", sentence="the model has no reference: its answer was not checked"
        )
        return
    differences = (
        malformations(model.reference, answer.output, sizes_vary=model.sizes_vary)
        if model.random
        else disagreements(model.reference, answer.output, model.tolerance)
    )
    for difference in differences:
        yield _invalid("wrong-answer", f"wrong answer: {as_clause(difference)}")


def _on_times(answer: InjectedAnswer) -> Iterator[Remark]:
    longest = max(answer.inference_ms, default=0.0)
    if answer.place == "main" and longest > LONG_MS:
        yield Remark(
            code="long-task",
            status="valid",
            sentence=f"the longest inference held the page's main thread for {longest:.0f} ms",
            next_step="Compare with --place worker.",
        )


def _invalid(code: str, sentence: str) -> Remark:
    return Remark(code=code, status="invalid", sentence=sentence)
