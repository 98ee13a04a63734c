"""Accuracy by frame reuse of a model that infers beside a video: what its measured speed would cost it on a video.

The frames are those of the generated set of moving shapes, and the answers are those of a model that is always right.
So nothing is trained or run when a report is read, and all that is lost is lost by reuse. `mobilebench accuracy` takes
other frames and answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from mobilebench.core.page_metrics import Metric, per_second
from mobilebench.core.page_quality import Inferring, ScenarioResult, Void
from mobilebench.reuse import scoring

TOP_1, MAP = "accuracy_top1", "accuracy_map"
SHARE = "share"
"""The unit of an accuracy, from 0 to 1."""
EVERY_FRAME = 1.0
"""The accuracy of a model that is always right, with every frame processed."""
_SOURCE = (
    "simulated over the generated set of moving shapes at the times of the inferences and the frame rate of the video "
    "that were measured: a frame that cannot be processed in time has the answer of an earlier one; answers of a model "
    "that is always right"
)
METRICS: Mapping[str, Metric] = {
    TOP_1: Metric(
        name=TOP_1, unit=SHARE, direction="higher is better", source=f"share of right frames (top-1), {_SOURCE}"
    ),
    MAP: Metric(name=MAP, unit=SHARE, direction="higher is better", source=f"mAP at an overlap of 0.5, {_SOURCE}"),
}
_SCORED: Mapping[str, scoring.Metric] = {TOP_1: "top-1", MAP: "mAP@0.5"}
_WITH_VIDEO = ("video", "call")
_MOST_KNOWN = 4096


def accuracies(result: ScenarioResult, latency_ms: Sequence[float]) -> dict[str, float | Void]:
    """The accuracy of one block by metric; empty where nothing inferred, or where no video belongs to the page.

    Args:
        result: what the page showed.
        latency_ms: the time of each inference in it.
    """
    if not isinstance(result.inferring, Inferring):
        return {}
    if isinstance(result.video, Void):
        return dict.fromkeys(METRICS, result.video) if result.scenario in _WITH_VIDEO else {}
    rate = per_second(result.video.frames_ms, result.duration_ms)
    if isinstance(rate, Void):
        return dict.fromkeys(METRICS, rate)
    if rate == 0:
        return dict.fromkeys(METRICS, Void(reason="the video showed no frame that could be processed"))
    if not latency_ms:
        return dict.fromkeys(METRICS, Void(reason="no inference ended while the page was used"))
    return dict(_simulated(tuple(latency_ms), rate))


@lru_cache(maxsize=_MOST_KNOWN)
def _simulated(latency_ms: tuple[float, ...], fps: float) -> Mapping[str, float]:
    from mobilebench.reuse import shapes
    from mobilebench.reuse.answers import perfect
    from mobilebench.reuse.evaluation import Evaluator, Latency

    frames = shapes.generate().frames
    evaluator = Evaluator(frames, perfect(frames), fps=fps, resamples=0)
    found = evaluator.evaluate(Latency("measured", (latency_ms,))).losses
    return {name: found[scored].with_reuse.value for name, scored in _SCORED.items()}
