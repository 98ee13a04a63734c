"""Rules for blocks in which a page was used: whether it was used as asked, and whether it inferred as asked."""

from __future__ import annotations

from statistics import median

from mobilebench.core.page_metrics import reached_duty
from mobilebench.core.page_quality import Void
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Evidence, Findings
from mobilebench.verdicts.thresholds import DUTY_TOLERANCE, FEWEST_CYCLES, FULL_DUTY, LEAST_OF_SCENARIO_MS


def judge_use(evidence: Evidence, found: Findings) -> None:
    """The page has to be used for a second or more, and to draw frames."""
    used = evidence.scenario
    if used is None:
        found.add(Code.SCENARIO_MISSING, "nothing was recorded while the page was used")
        return
    if used.duration_ms < LEAST_OF_SCENARIO_MS:
        sentence = f"the page was used for {used.duration_ms:.0f} ms only, which is too short for frames a second"
        found.add(Code.SCENARIO_TOO_SHORT, sentence)
    if not used.frames_ms:
        found.add(Code.NO_FRAMES, "the page drew no frame while it was used")


def judge_place(evidence: Evidence, found: Findings) -> None:
    """The engine has to be called on the thread that was asked for."""
    asked = "worker" if evidence.case.place == "worker" else "main thread"
    seen = evidence.proof.runs_in
    if seen != asked:
        found.add(Code.WRONG_PLACE, f"the engine ran on {seen or 'an unknown thread'}, not on the {asked}")


def judge_duty(evidence: Evidence, found: Findings) -> None:
    """The page has to infer for the asked share of the time. The reached share follows from the raw times."""
    used, asked, times = evidence.scenario, evidence.case.duty, evidence.measurement.prediction_ms
    if used is None or not asked:
        return
    if isinstance(used.inferring, Void):
        found.add(Code.NO_DUTY, f"the reached duty is not known: {used.inferring.reason}")
        return
    usual_ms = median(times) if times else sum(evidence.measurement.warmup_ms)
    if usual_ms / asked * 100 * FEWEST_CYCLES > used.duration_ms:
        sentence = (
            f"a single inference takes {usual_ms:.0f} ms, so {used.duration_ms / 1000:.1f} s hold fewer than "
            f"{FEWEST_CYCLES} cycles at {asked} %"
        )
        found.add(Code.INFERENCE_TOO_LONG, sentence)
    paired = len(used.inferring.start_ms) == len(times)
    reached = reached_duty(used.inferring.start_ms, times) if paired else None
    if reached is None:
        found.add(Code.NO_DUTY, f"{len(times)} inferences ended, so no duty was reached")
    elif reached < FULL_DUTY if asked == 100 else abs(reached - asked) > DUTY_TOLERANCE:
        found.add(Code.DUTY_MISSED, f"the page inferred for {reached:.1f} % of the time, not for {asked} %")


def judge_inferring(evidence: Evidence, found: Findings) -> None:
    """A page that infers has to be visible: a hidden one draws nothing, and its timers are late."""
    used = evidence.scenario
    if used is None or isinstance(used.inferring, Void):
        return
    if any(not state.visible for state in used.inferring.states):
        found.add(Code.HIDDEN_WHILE_INFERRING, "the page was hidden for a time while it inferred")
