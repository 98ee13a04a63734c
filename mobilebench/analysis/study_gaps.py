"""How many times longer one way takes than another, over the models that both have: as lowest, highest and means.

Compared are: each way of a page with the native engine that runs the same format, on the same kind of processor; each
WebAssembly build with the plain one; and Firefox with Chrome.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mobilebench.analysis.gaps import round_ratios, why_refused
from mobilebench.analysis.labels import engine_label
from mobilebench.analysis.study_tables import GPU_BACKENDS, Mean, Model, Way, mean_of, model_of, plain_of, way_of
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, TargetSummary
from mobilebench.core.axes import NODE
from mobilebench.core.records import Stage
from mobilebench.statistics.estimates import geometric_mean

Against = Literal["native", "plain wasm", "chrome"]
AGAINST: tuple[Against, ...] = ("native", "plain wasm", "chrome")
NATIVE_OF: Mapping[str, tuple[str, ...]] = {
    "tfjs": ("tensorflow", "tflite"),
    "ortjs": ("onnxruntime",),
    "litertjs": ("tflite",),
}
"""Page engine to the native engines with which it is compared: they run the same model format, or the same family."""
NATIVE_GPU_BACKENDS = frozenset({"gpu", "cuda", "dml", "webgpu"})


@dataclass(frozen=True)
class WayGap:
    """One way against another on one target."""

    against: Against
    target: TargetSummary
    above: Way
    below: Way
    stages: Mapping[Stage, Mean]
    """Means of the ratios over the models that both have."""
    suspect: bool
    """Whether a side is suspect for at least one model."""
    refusals: tuple[tuple[Model, str], ...]
    """Models that both have, but whose proofs do not allow the comparison."""


def way_gaps(summary: RunSummary) -> tuple[WayGap, ...]:
    """The comparisons of every target for which at least one model is on both sides."""
    return tuple(gap for target in summary.targets for gap in _of_target(target))


def _of_target(target: TargetSummary) -> Iterator[WayGap]:
    by_way: dict[Way, dict[Model, CaseSummary]] = {}
    for case in target.plain:
        if "prediction" in case.stages:
            by_way.setdefault(way_of(case.case), {})[model_of(case.case)] = case
    for against in AGAINST:
        for above in by_way:
            for below in _bases(above, against, by_way):
                found = _gap(against, target, by_way[above], by_way[below], above, below)
                if found.stages or found.refusals:
                    yield found


def _bases(way: Way, against: Against, ways: Iterable[Way]) -> list[Way]:
    """The ways with which this one is compared. A web engine in Node is no page, so only its builds are compared."""
    if way.browser is None or (way.browser == NODE and against != "plain wasm"):
        return []
    if against == "native":
        return [other for other in ways if other.browser is None and _is_counterpart(way, other)]
    if against == "plain wasm":
        plain = plain_of(way, ways)
        return [plain] if plain else []
    if way.browser == "chrome":
        return []
    return [other for other in ways if other.browser == "chrome" and replace(other, browser=way.browser) == way]


def _is_counterpart(web: Way, native: Way) -> bool:
    engine = native.engine.partition("@")[0]
    if engine not in NATIVE_OF.get(web.engine.partition("@")[0], ()) or native.affinity != "none" or native.in_app:
        return False
    if web.backend in GPU_BACKENDS:
        return native.backend in NATIVE_GPU_BACKENDS
    return web.backend in ("wasm", "js") and native.backend == "cpu"


def _gap(
    against: Against,
    target: TargetSummary,
    above: Mapping[Model, CaseSummary],
    below: Mapping[Model, CaseSummary],
    above_way: Way,
    below_way: Way,
) -> WayGap:
    ratios: dict[Model, dict[Stage, dict[int, float]]] = {}
    refusals: list[tuple[Model, str]] = []
    both = [model for model in above if model in below]
    for model in both:
        reason = why_refused(above[model], below[model])
        found = {} if reason else {s: r for s, r in round_ratios(above[model], below[model]).items() if r}
        if found:
            ratios[model] = found
        else:
            sides = f"{engine_label(above_way)} and {engine_label(below_way)}"
            refusals.append((model, reason or f"rounds: {sides} share no round in which both count."))
    stages = {stage: mean for stage in STAGES if (mean := _mean(ratios, stage))}
    suspect = any("suspect" in (above[model].status, below[model].status) for model in ratios)
    return WayGap(against, target, above_way, below_way, stages, suspect, tuple(refusals))


def _mean(ratios: Mapping[Model, Mapping[Stage, Mapping[int, float]]], stage: Stage) -> Mean | None:
    have = {model: found[stage] for model, found in ratios.items() if stage in found}
    if not have:
        return None
    values = [geometric_mean(list(rounds.values())) for rounds in have.values()]
    return mean_of(list(have), values, list(have.values()))
