"""Tables like those of Wang et al., for any models and targets: each target's cases as models by ways of running them.

There is one table of the native engines, one for each page engine's WebAssembly builds, and one for the GPU backends of
pages, for every browser. Means are over the models that count in every way of the table that was measured at all, so
that all columns are about the same models.

Source:
    Q. Wang et al., "Anatomizing Deep Learning Inference in Web Browsers", ACM TOSEM 34 (2025), tables 1 to 11.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, TargetSummary
from mobilebench.core.axes import WASM_BUILDS
from mobilebench.core.records import Case, Stage
from mobilebench.statistics.estimates import Interval, estimate, geometric_mean

GPU_BACKENDS = frozenset({"webgl", "webgpu"})
"""GPU backends of pages."""

Model = tuple[str, str, int]
"""Model, precision and batch."""
Way = Case
"""How a case ran: a case without target, model, precision and batch."""
Group = Literal["native", "wasm", "gpu", "other"]
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True)
class Mean:
    """Means over several models, of times (ms) or of ratios."""

    models: tuple[Model, ...]
    low: float
    """Smallest value of a model."""
    high: float
    """Largest value of a model."""
    geometric: float
    interval: Interval | None
    """95 % interval of the geometric mean, from the rounds; None with fewer than three rounds, or if not all models
    have the same rounds.
    """
    arithmetic: float
    """For comparison with published means."""


@dataclass(frozen=True)
class LatencyTable:
    """Times of one target: models by ways."""

    name: str
    """Name of its file and anchor, such as `wasm-tfjs-chrome`."""
    group: Group
    engine: str | None
    """The engine, for a table of one engine's builds."""
    browser: str | None
    target: TargetSummary
    ways: tuple[Way, ...]
    models: tuple[Model, ...]
    cases: Mapping[tuple[Model, Way], CaseSummary]
    common: tuple[Model, ...]
    """The models that count in every way that was measured."""
    means: Mapping[tuple[Way, Stage], Mean]
    """Over the common models."""


def way_of(case: Case) -> Way:
    """How a case ran."""
    return replace(case, target="", model="", precision="fp32", batch=1)


def model_of(case: Case) -> Model:
    """What a case computed."""
    return case.model, case.precision, case.batch


def group_of(case: Case) -> Group:
    """The kind of table to which a case belongs."""
    if case.browser is None:
        return "native"
    return "wasm" if case.backend == "wasm" else "gpu" if case.backend in GPU_BACKENDS else "other"


def plain_of(way: Way, ways: Iterable[Way]) -> Way | None:
    """The plain WebAssembly build with which another build is compared; None if there is none among `ways`."""
    if way.backend != "wasm" or way.wasm_build == "plain":
        return None
    alike = (other for other in ways if other.wasm_build == "plain")
    return next((o for o in alike if replace(o, wasm_build=way.wasm_build, threads=way.threads) == way), None)


def latency_tables(summary: RunSummary) -> tuple[LatencyTable, ...]:
    """The tables of every target with timed cases, in the order native, WebAssembly, GPU, other backends."""
    return tuple(table for target in summary.targets for table in _of_target(target))


def _of_target(target: TargetSummary) -> Iterable[LatencyTable]:
    timed = [case for case in target.plain if case.timed]
    names = dict.fromkeys(_identity(case.case) for case in sorted(timed, key=lambda case: order_of(case.case)))
    for group, browser, engine in names:
        own = [case for case in timed if _identity(case.case) == (group, browser, engine)]
        yield _table(target, group, browser, engine, own)


def _identity(case: Case) -> tuple[Group, str | None, str | None]:
    group = group_of(case)
    return group, case.browser, case.engine if group == "wasm" else None


_GROUPS: tuple[Group, ...] = ("native", "wasm", "gpu", "other")


def order_of(case: Case) -> tuple[object, ...]:
    """Ways in reading order: builds from plain to all features, and threads from few to many."""
    build = WASM_BUILDS.index(case.wasm_build) if case.wasm_build in WASM_BUILDS else len(WASM_BUILDS)
    own = (case.browser or "", _GROUPS.index(group_of(case)), case.engine, case.backend, build, case.threads)
    return *own, replace(case, target="", model="").key


def _table(
    target: TargetSummary, group: Group, browser: str | None, engine: str | None, own: Sequence[CaseSummary]
) -> LatencyTable:
    cases = {(model_of(case.case), way_of(case.case)): case for case in own}
    ways = tuple(sorted({way for _, way in cases}, key=order_of))
    models = tuple(dict.fromkeys(model for model, _ in cases))
    counts = {way: [model for model in models if _counts(cases.get((model, way)))] for way in ways}
    common = in_all(counts)
    means = {
        (way, stage): found
        for way, measured in counts.items()
        if measured
        for stage in STAGES
        if (found := _mean([cases[model, way] for model in common], stage))
    }
    name = "-".join(filter(None, (group, engine, browser)))
    return LatencyTable(name, group, engine, browser, target, ways, models, cases, common, means)


def _counts(case: CaseSummary | None) -> bool:
    return case is not None and "prediction" in case.stages


def in_all(found: Mapping[_Key, Iterable[Model]]) -> tuple[Model, ...]:
    """The models that all of these have which have any, in the order of the first."""
    sets = [list(models) for models in found.values() if models]
    return tuple(model for model in sets[0] if all(model in other for other in sets)) if sets else ()


def _mean(cases: Sequence[CaseSummary], stage: Stage) -> Mean | None:
    if not cases or any(stage not in case.stages for case in cases):
        return None
    values = [case.stages[stage].value for case in cases]
    return mean_of([model_of(case.case) for case in cases], values, [case.by_round(stage) for case in cases])


def mean_of(models: Sequence[Model], values: Sequence[float], rounds: Sequence[Mapping[int, float]]) -> Mean:
    """Means over models of their values; each model also has its value by round, for the interval."""
    return Mean(
        models=tuple(models),
        low=min(values),
        high=max(values),
        geometric=geometric_mean(values),
        interval=_interval(rounds),
        arithmetic=math.fsum(values) / len(values),
    )


def _interval(rounds: Sequence[Mapping[int, float]]) -> Interval | None:
    """Interval of the geometric mean over models, from the geometric mean over models of each round."""
    numbers = list(rounds[0])
    if any(set(own) != set(numbers) for own in rounds):
        return None
    return estimate([geometric_mean([own[number] for own in rounds]) for number in numbers]).interval
