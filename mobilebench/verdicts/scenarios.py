"""Rules for pages that are used or infer: whether they were used as asked, and whether they inferred as asked.

Those of blocks read a block's evidence. What they say of raw values, `inject` says by the same functions of a page in
which it let a model infer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from mobilebench.core.page_metrics import reached_duty
from mobilebench.core.page_quality import PageState, Void
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Evidence, Findings
from mobilebench.verdicts.thresholds import DUTY_TOLERANCE, FEWEST_CYCLES, FULL_DUTY, LEAST_OF_SCENARIO_MS


@dataclass(frozen=True)
class Inferences:
    """How a page inferred in a window of time."""

    asked: float
    """The asked share of the time, in percent."""
    start_ms: Sequence[float]
    ms: Sequence[float]
    """Duration of each inference; of another length than `start_ms` if they are not those that began then."""
    first_ms: float
    """The inference before the window."""
    window_ms: float


def of_duty(times: Inferences, found: Findings) -> None:
    """The page has to infer for the asked share of the time. The reached share follows from the raw times."""
    asked, ended = times.asked, len(times.ms)
    if not asked and not ended:
        return
    usual_ms = median(times.ms) if ended else times.first_ms
    cycles_ms = usual_ms / asked * 100 * FEWEST_CYCLES if asked else 0.0
    if cycles_ms > times.window_ms:
        sentence = (
            f"a single inference takes {usual_ms:.0f} ms, so {times.window_ms / 1000:.1f} s hold fewer than "
            f"{FEWEST_CYCLES} cycles at {asked:g} %, which take {math.ceil(cycles_ms / 1000)} s"
        )
        found.add(Code.INFERENCE_TOO_LONG, sentence)
    reached = reached_duty(times.start_ms, times.ms) if len(times.start_ms) == ended else None
    if reached is None:
        found.add(Code.NO_DUTY, f"{ended} inferences ended, so no duty was reached")
    elif reached < FULL_DUTY if asked == 100 else abs(reached - asked) > DUTY_TOLERANCE:
        found.add(Code.DUTY_MISSED, f"the page inferred for {reached:.1f} % of the time, not for {asked:g} %")


def of_place(asked: str | None, seen: str | None, found: Findings) -> None:
    """The engine has to be called on the thread that was asked for; `seen` is the proof's `runs_in`."""
    expected = "worker" if asked == "worker" else "main thread"
    if seen != expected:
        found.add(Code.WRONG_PLACE, f"the engine ran on {seen or 'an unknown thread'}, not on the {expected}")


def of_visibility(states: Iterable[PageState], found: Findings) -> None:
    """A page that infers has to be visible: a hidden one draws nothing, and its timers are late."""
    if any(not state.visible for state in states):
        found.add(Code.HIDDEN_WHILE_INFERRING, "the page was hidden for a time while it inferred")


def of_frames(frames_ms: Sequence[float], when: str, found: Findings) -> None:
    """The page has to draw frames; `when` says in which window, as a clause."""
    if not frames_ms:
        found.add(Code.NO_FRAMES, f"the page drew no frame {when}")


def judge_use(evidence: Evidence, found: Findings) -> None:
    """The page has to be used for a second or more, and to draw frames."""
    used = evidence.scenario
    if used is None:
        found.add(Code.SCENARIO_MISSING, "nothing was recorded while the page was used")
        return
    if used.duration_ms < LEAST_OF_SCENARIO_MS:
        sentence = f"the page was used for {used.duration_ms:.0f} ms only, which is too short for frames a second"
        found.add(Code.SCENARIO_TOO_SHORT, sentence)
    of_frames(used.frames_ms, "while it was used", found)


def judge_place(evidence: Evidence, found: Findings) -> None:
    """See `of_place`."""
    of_place(evidence.case.place, evidence.proof.runs_in, found)


def judge_duty(evidence: Evidence, found: Findings) -> None:
    """See `of_duty`."""
    used, asked, measured = evidence.scenario, evidence.case.duty, evidence.measurement
    if used is None or not asked:
        return
    if isinstance(used.inferring, Void):
        found.add(Code.NO_DUTY, f"the reached duty is not known: {used.inferring.reason}")
        return
    first_ms = sum(measured.warmup_ms)
    of_duty(Inferences(asked, used.inferring.start_ms, measured.prediction_ms, first_ms, used.duration_ms), found)


def judge_inferring(evidence: Evidence, found: Findings) -> None:
    """See `of_visibility`."""
    used = evidence.scenario
    if used is not None and not isinstance(used.inferring, Void):
        of_visibility(used.inferring.states, found)
