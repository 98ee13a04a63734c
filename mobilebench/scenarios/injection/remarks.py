"""What has to be known about a result: how the proof from inside the page differs from what was asked for."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from mobilebench.core.agreement import disagreements, malformations
from mobilebench.core.errors import as_clause
from mobilebench.core.page_metrics import reached_duty
from mobilebench.core.records import Case, ModelFacts
from mobilebench.scenarios.injection.messages import InjectedAnswer
from mobilebench.scenarios.injection.results import FrameTimes, InjectionPlan, InjectionResult, Remark
from mobilebench.verdicts.thresholds import DUTY_TOLERANCE, FEWEST_CYCLES, FULL_DUTY

FEWEST_STEPS = 10
"""An inference has to last this many steps of the page's clock, or its time is mostly rounding."""
LONG_TASK_MS = 50.0
"""Work on the main thread that takes longer delays what a user does (W3C long tasks)."""


def remarks_on(result: InjectionResult, case: Case | None, model: ModelFacts | None) -> list[Remark]:
    """Every remark on a result; `case` and `model` are None where nothing was injected."""
    found = [*_on_page(result)]
    if result.answer is not None and case is not None and model is not None:
        found += _on_proof(result.answer, case)
        found += _on_output(result.answer, model)
        found += _on_duty(result.answer, result.plan)
    return [*found, *_on_frames(result.baseline, result.frames)]


def _on_page(result: InjectionResult) -> Iterator[Remark]:
    if _without_slash(result.asked) != _without_slash(result.url):
        yield Remark(
            code="redirected",
            status="suspect",
            sentence=f"the page was redirected to {result.url}",
            next_step="Name that address, if it is the page that you mean.",
        )
    states = result.answer.states if result.answer else []
    if any(not state.visible for state in states):
        yield Remark(
            code="background",
            status="invalid",
            sentence="the page was in the background for a time: browsers produce no frames and delay timers there",
            next_step="Keep the tab in front and the screen on, and measure again.",
        )
    if states and not all(state.focused for state in states):
        yield Remark(code="no-focus", status="valid", sentence="the page did not have the focus throughout")


def _without_slash(url: str) -> str:
    return url.partition("#")[0].rstrip("/")


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
            next_step="Its clock is finer with --isolate.",
        )
    expected = "worker" if answer.place == "worker" else "main thread"
    if proof.runs_in != expected:
        yield _invalid("place", f"the engine ran on the {proof.runs_in}, not on the {expected}")


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


def _on_duty(answer: InjectedAnswer, plan: InjectionPlan) -> Iterator[Remark]:
    """Whether the asked share of the time was reached, and why not."""
    times = answer.inference_ms
    if plan.duty == 0:
        if times:
            yield _invalid("duty", "the page inferred although the asked duty is 0")
        return
    longest = max(times, default=0.0)
    usual = statistics.median(times) if times else answer.warmup_ms or 0.0
    cycle_s = usual / plan.duty / 10
    if cycle_s * FEWEST_CYCLES > plan.seconds:
        yield Remark(
            code="inference-too-long",
            status="suspect",
            sentence=(
                f"a single inference takes {usual:.0f} ms, so one cycle at {plan.duty:g} % takes {cycle_s:.1f} s: "
                f"{plan.seconds:g} s hold fewer than {FEWEST_CYCLES}"
            ),
            next_step=f"Measure for {math.ceil(cycle_s * FEWEST_CYCLES)} s or more, or choose a smaller model.",
        )
    reached = reached_duty(answer.inference_start_ms, times)
    if reached is None:
        yield _invalid("duty", f"{len(times)} inferences ended, so no duty was reached")
    elif reached < FULL_DUTY if plan.duty == 100 else abs(reached - plan.duty) > DUTY_TOLERANCE:
        yield _other_duty(reached, plan)
    if answer.place == "main" and times and longest > LONG_TASK_MS:
        yield Remark(
            code="long-task",
            status="valid",
            sentence=f"the longest inference held the page's main thread for {longest:.0f} ms",
            next_step="Compare with --place worker.",
        )


def _other_duty(reached: float, plan: InjectionPlan) -> Remark:
    return Remark(
        code="duty",
        status="suspect",
        sentence=f"the reached duty is {reached:.1f} %, not {plan.duty:g} %: other work took the thread's time",
        next_step="Measure longer, on an idle machine, or ask for a lower duty.",
    )


def _on_frames(baseline: FrameTimes, frames: FrameTimes) -> Iterator[Remark]:
    if (baseline.times_ms and baseline.fps is None) or not frames.times_ms:
        yield Remark(
            code="no-frames",
            status="suspect",
            sentence="the page produced too few frames to count",
            next_step="A hidden page, or one behind another window, produces none: bring it to the front.",
        )


def _invalid(code: str, sentence: str) -> Remark:
    return Remark(code=code, status="invalid", sentence=sentence)
