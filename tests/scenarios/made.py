"""Results of scenarios, made by hand."""

from __future__ import annotations

from typing import Any

from mobilebench.core.page_quality import ScenarioResult, ScriptRun, VideoFrames, Void

NOT_HERE = Void(reason="not here")


def video(**changed: Any) -> VideoFrames:
    usual: dict[str, Any] = {
        "frames_ms": [100.0, 600.0, 1100.0],
        "presented": 4,
        "decoded": 10,
        "dropped": 1,
        "least_visible": 1.0,
        "stalls": 0,
        "width": 64,
        "height": 64,
    }
    return VideoFrames(**{**usual, **changed})


def result(**changed: Any) -> ScenarioResult:
    usual: dict[str, Any] = {
        "scenario": "page",
        "address": "page.html",
        "browser": "chrome",
        "version": "1.0",
        "seconds": 2,
        "duration_ms": 2000.0,
        "frames_ms": [10.0, 500.0, 1500.0],
        "runs": NOT_HERE,
        "typing": NOT_HERE,
        "video": NOT_HERE,
        "presented": NOT_HERE,
        "events": NOT_HERE,
        "inp_ms": NOT_HERE,
        "long_tasks": NOT_HERE,
        "long_frames": NOT_HERE,
        "inputs": 0,
    }
    return ScenarioResult(**{**usual, **changed})


def run(started_ms: float, *steps_ms: float) -> ScriptRun:
    return ScriptRun(started_ms=started_ms, steps_ms=list(steps_ms))
