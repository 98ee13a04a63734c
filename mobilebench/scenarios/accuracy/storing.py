"""A live run as the record that is stored."""

from __future__ import annotations

from dataclasses import replace

from mobilebench.core.records import MEASUREMENT_SCHEMA, Case, Measurement
from mobilebench.reuse.answers import Answers
from mobilebench.reuse.frames import FrameSet
from mobilebench.reuse.watched import WatchedFrames, WatchRemark, as_stored, digest
from mobilebench.scenarios.accuracy.live import LiveRun
from mobilebench.scenarios.injection.messages import InjectedAnswer, Place


def watched_frames(run: LiveRun, case: Case, place: Place, frames: FrameSet, here: Answers) -> WatchedFrames:
    """Everything that a live run measured.

    Args:
        run: the live run.
        case: its case.
        place: the thread of the page that called the engine.
        frames: the set that was shown.
        here: the same model's answer to every frame, computed on this computer.
    """
    return WatchedFrames(
        case=replace(case, duty=None, place=None),
        place=place,
        browser=run.browser,
        browser_version=run.browser_version,
        frames=frames.name,
        set_sha256=digest(frames),
        repetitions=[as_stored(one) for one in run.repetitions],
        answers_here=dict(here),
        measurement=_measurement(run.proof),
        remarks=tuple(WatchRemark.model_validate(remark.model_dump()) for remark in run.remarks),
    )


def _measurement(proof: InjectedAnswer) -> Measurement:
    return Measurement(
        schema_=MEASUREMENT_SCHEMA,
        status="ok",
        engine=proof.engine,
        version=proof.version,
        proof=proof.proof,
        setup_ms=proof.setup_ms,
        warmup_ms=[] if proof.warmup_ms is None else [proof.warmup_ms],
        output=proof.output,
    )
