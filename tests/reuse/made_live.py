"""Live runs that were made by the simulation, in which a page did exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mobilebench.core.records import Case, Measurement, Run, RunInfo, StoredEvent, TargetInfo
from mobilebench.reuse import shapes, simulation
from mobilebench.reuse.answers import perfect
from mobilebench.reuse.live import LiveClip, LiveRepetition
from mobilebench.reuse.watched import SUITE, WatchedFrames, WatchRemark, as_stored, digest

CASE = Case(
    target="host", engine="ortjs", backend="wasm", wasm_build="simd", threads=1, browser="chrome", model="moving_shapes"
)


def repetition(samples: Sequence[float]) -> LiveRepetition:
    """One pass over the generated set at these latencies, with right answers."""
    frames = shapes.generate().frames
    latencies, answers = simulation.in_turn(samples), perfect(frames)
    clips, processed = [], {}
    for clip, of_clip in frames.clips.items():
        times = [one.time_ms - of_clip[0].time_ms for one in of_clip]
        found = simulation.simulate(times, latencies).answered
        clips.append(LiveClip(clip, tuple(times), found))
        processed |= {of_clip[one.frame].image: answers[of_clip[one.frame].image] for one in found}
    return LiveRepetition(tuple(clips), processed)


def watched(*samples: Sequence[float], **changes: Any) -> WatchedFrames:
    """A live run with a repetition for each list of latencies."""
    frames = shapes.generate().frames
    values: dict[str, Any] = {
        "case": CASE,
        "place": "main",
        "browser": "chrome",
        "browser_version": "156.0",
        "frames": frames.name,
        "set_sha256": digest(frames),
        "repetitions": [as_stored(repetition(one)) for one in samples],
        "answers_here": perfect(frames),
        "measurement": Measurement.model_validate(
            {
                "schema": "mobilebench/measurement/1",
                "status": "ok",
                "engine": "ortjs",
                "version": "1.29.0",
                "proof": {"backend": "wasm", "threads": 1, "runs_in": "main thread"},
                "setup_ms": {"session_creation": 12.5},
                "warmup_ms": [9.0],
            }
        ),
        "remarks": (WatchRemark(code="no-focus", status="valid", sentence="the page did not have the focus"),),
    }
    return WatchedFrames(**{**values, **changes})


def run_of(one: WatchedFrames, target: TargetInfo) -> tuple[Run, list[StoredEvent]]:
    """The run that holds it, and its events."""
    at = datetime(2026, 11, 30, 12, tzinfo=UTC)
    info = RunInfo(
        id="20261130-120000-ab12",
        created_at=at,
        finished_at=at,
        status="finished",
        mobilebench_version="0.1.0",
        suite=SUITE,
        suite_definition={},
        seed=0,
        command=["mobilebench", "accuracy", "--live"],
        targets=[target],
    )
    data = one.model_dump(mode="json", by_alias=True)
    return Run(info=info, planned=[], blocks=[]), [StoredEvent(at=at, kind=one.KIND, target=target.id, data=data)]
