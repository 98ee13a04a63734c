"""Explains the gap between a native engine and a page by measured steps, each of which changes one thing if possible.

The factor of a step is the time of its lower rung over that of its upper one, paired within rounds. Where all rungs
count in the same rounds, the product of the steps is the whole gap. What a step changes is read from the two cases and
their proofs, not only from the ladder's table: a step that changes several things is marked, and its factor is the part
of the gap that is not taken apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from mobilebench.analysis.comparability import Side, refusal
from mobilebench.analysis.gaps import Ratio, ratio_of
from mobilebench.analysis.kernels import KernelSummary, kernels
from mobilebench.analysis.ladders import LADDERS, PAGE, SEVERAL, Ladder, Rung
from mobilebench.analysis.summary import CaseSummary, RunSummary, TargetSummary
from mobilebench.core.axes import AXES, OFFERED
from mobilebench.core.errors import BadInput
from mobilebench.core.operators import OperatorType
from mobilebench.core.records import Case, Measurement

DEFAULT_PAGE = "chrome"
TOP_KERNELS = 6
_BESIDE = ("target", "model", "precision", "batch")
"""Axes that a rung has from the question, unless its table says otherwise."""


@dataclass(frozen=True)
class Change:
    """One axis or one value of the proof that differs between the two ends of a step."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Step:
    """A measured step from one rung to the next that was measured."""

    title: str
    """What changes; several titles if rungs between were not measured."""
    upper: CaseSummary
    lower: CaseSummary
    rung: str
    """Title of the lower rung."""
    changes: tuple[Change, ...]
    ratio: Ratio
    """Time of the lower rung over that of the upper one."""
    cumulative: Ratio | None
    """Time of the lower rung over that of the first one; None for a side step, or without a common round."""

    @property
    def one_thing(self) -> bool:
        """Whether only one axis or value differs."""
        return len(self.changes) == 1

    @property
    def suspect(self) -> bool:
        """Whether at least one end is suspect."""
        return "suspect" in (self.upper.status, self.lower.status)


@dataclass(frozen=True)
class Missing:
    """A rung that was not measured."""

    rung: str
    step: str
    reason: str
    spanned: bool = False
    """Whether the step to the next measured rung spans it."""
    side: bool = False
    """Whether it belongs to a side step."""


@dataclass(frozen=True)
class Growth:
    """The kernels of one type at both ends of the comparison of kernels."""

    type: OperatorType
    above_ms: float
    """Milliseconds of one prediction at the upper end; 0 if this engine has no such kernel."""
    below_ms: float
    share: float
    """Share of the growth of all types that grow."""

    @property
    def factor(self) -> float | None:
        return self.below_ms / self.above_ms if self.above_ms > 0 else None


@dataclass(frozen=True)
class KernelGrowth:
    """The kernels that grow most between two rungs, from their kernels passes."""

    upper: Case
    lower: Case
    rows: tuple[Growth, ...]
    """Largest growth first."""


@dataclass(frozen=True)
class Explanation:
    """One ladder of one model on one target."""

    ladder: Ladder
    top: CaseSummary
    """The first rung that was measured."""
    top_title: str
    steps: tuple[Step, ...]
    sides: tuple[Step, ...]
    missing: tuple[Missing, ...]
    total: Ratio
    """The last rung over the first one."""
    product: float
    """The product of the factors of all steps."""
    remainder: Ratio
    """The whole gap over the product of the steps: 1 where all rungs count in the same rounds."""
    single: Ratio | None
    """Product of the steps that change one thing; None without one, or without a round in which all count."""
    several: Ratio | None
    """Product of the steps that change several things: the part of the gap that is not taken apart."""
    growth: KernelGrowth | None
    """None without kernels passes at two rungs."""


def explanations(target: TargetSummary, model: str, precision: str, batch: int) -> tuple[Explanation, ...]:
    """Every ladder of a model that has at least two measured steps and ends in a page."""
    found = (_explain(ladder, target, model, precision, batch) for ladder in LADDERS)
    return tuple(one for one in found if one)


def _explain(ladder: Ladder, target: TargetSummary, model: str, precision: str, batch: int) -> Explanation | None:
    finder = _Finder(target, ladder, {"model": model, "precision": precision, "batch": batch})
    steps: list[Step] = []
    missing: list[Missing] = []
    measured: list[tuple[Rung, CaseSummary]] = []
    skipped: list[Missing] = []
    for rung in ladder.rungs:
        found = finder.find(rung)
        if measured and isinstance(found, CaseSummary):
            titles = (*(one.step for one in skipped), rung.step)
            step = _step(rung, measured[-1][1], found, measured[0][1], titles)
            found = step if isinstance(step, str) else found
            steps += [step] if isinstance(step, Step) else []
        if isinstance(found, str):
            skipped.append(Missing(rung.title, rung.step, found))
            continue
        missing += [replace(one, spanned=bool(measured)) for one in skipped]
        measured.append((rung, found))
        skipped = []
    missing += skipped
    total = paired([measured[-1][1]], [measured[0][1]]) if measured else None
    if total is None or len(steps) < 2 or not measured[-1][1].in_page:
        return None
    product = math.prod(step.ratio.value for step in steps)
    sides, missing_sides = _sides(ladder, finder)
    return Explanation(
        ladder=ladder,
        top=measured[0][1],
        top_title=measured[0][0].title,
        steps=tuple(steps),
        sides=sides,
        missing=(*missing, *missing_sides),
        total=total,
        product=product,
        remainder=_remainder(steps),
        single=_product([step for step in steps if step.one_thing]),
        several=_product([step for step in steps if not step.one_thing]),
        growth=_growth([case for _, case in measured]),
    )


def _step(
    rung: Rung, upper: CaseSummary, lower: CaseSummary, top: CaseSummary | None, titles: Sequence[str]
) -> Step | str:
    """The step between two cases, or the reason why they may not be compared."""
    ratio = paired([lower], [upper])
    if upper.measurement and lower.measurement:
        reason = refusal("rungs", Side(lower.case, lower.measurement), Side(upper.case, upper.measurement))
        if reason:
            return f"it may not be compared with the rung before: {reason.rstrip('.')}"
    if ratio is None:
        return "it shares no round with the rung before in which both count"
    return Step(
        title=" + ".join(dict.fromkeys(title for title in titles if title)),
        upper=upper,
        lower=lower,
        rung=rung.title,
        changes=_changes(upper, lower),
        ratio=ratio,
        cumulative=paired([lower], [top]) if top else None,
    )


def _sides(ladder: Ladder, finder: _Finder) -> tuple[tuple[Step, ...], tuple[Missing, ...]]:
    """The side steps that were planned: those that were measured, and those that were not."""
    steps: list[Step] = []
    missing: list[Missing] = []
    for side in ladder.sides:
        base, case = finder.find(side.base), finder.find(side.rung)
        if not finder.planned(side.rung):
            continue
        if isinstance(case, str):
            step: Step | str = case
        elif isinstance(base, str):
            step = f"its base ({side.base.title}) is missing: {base}"
        else:
            step = _step(side.rung, base, case, None, (side.rung.step,))
        if isinstance(step, Step):
            steps.append(step)
        else:
            missing.append(Missing(side.rung.title, side.rung.step, step, side=True))
    return tuple(steps), tuple(missing)


class _Finder:
    """Finds the cases of rungs among the cases of one target."""

    def __init__(self, target: TargetSummary, ladder: Ladder, asked: Mapping[str, object]) -> None:
        self._cases = [one for one in target.plain if one.case.model == asked["model"]]
        self._asked = {"target": target.info.id, **asked}
        self._several = self._threads(ladder.native)
        self._page = self._browser()

    def find(self, rung: Rung) -> CaseSummary | str:
        """The case of a rung, or the reason why there is none that counts."""
        if rung.axes.get("threads") == SEVERAL and self._several is None:
            return "no case with more than one thread was planned in this run"
        found = self._cases_of(rung)
        if not found:
            return "this run has no such case"
        case = next((one for one in found if "prediction" in one.stages), found[0])
        if "prediction" in case.stages:
            return case
        reason = case.reasons[0].rstrip(".") if case.reasons else "it was not measured"
        return f"{case.status}: {reason}"

    def planned(self, rung: Rung) -> bool:
        """Whether the run planned a case of this rung."""
        return bool(self._cases_of(rung))

    def _cases_of(self, rung: Rung) -> list[CaseSummary]:
        filled = {SEVERAL: self._several, PAGE: self._page}
        wanted = {**self._asked, **{name: filled.get(value, value) for name, value in rung.axes.items()}}
        return [case for case in self._cases if _matches(case.case, wanted)]

    def _threads(self, native: str) -> int | None:
        counts = [one.case.threads for one in self._of_model() if one.case.engine == native and one.case.threads > 1]
        return max(counts, default=None)

    def _browser(self) -> str:
        names = {one.case.browser for one in self._of_model() if one.in_page}
        others = sorted(name for name in names if name)
        return DEFAULT_PAGE if DEFAULT_PAGE in names or not others else others[0]

    def _of_model(self) -> list[CaseSummary]:
        asked = self._asked
        return [one for one in self._cases if all(getattr(one.case, name) == asked[name] for name in _BESIDE)]


def _matches(case: Case, wanted: Mapping[str, object]) -> bool:
    for name, axis in AXES.items():
        value = getattr(case, name)
        if name in wanted:
            if value != wanted[name]:
                return False
        elif name != "gpu" and value not in ((None, *axis.usual) if name in OFFERED else (axis.default,)):
            return False
    return True


def paired(above: Sequence[CaseSummary], below: Sequence[CaseSummary]) -> Ratio | None:
    """The product of the cases `above` over the product of those `below`, over the rounds in which all count."""
    tops, bottoms = [_by_round(case) for case in above], [_by_round(case) for case in below]
    shared = reduce(set.intersection, (set(one) for one in (*tops, *bottoms)))
    values = [
        math.prod(one[number] for one in tops) / math.prod(one[number] for one in bottoms) for number in sorted(shared)
    ]
    return ratio_of(values) if values else None


def _by_round(case: CaseSummary) -> dict[int, float]:
    """Median prediction by round, of the blocks that count."""
    return {number: value for number, value in case.by_round("prediction").items() if value}


def _product(steps: Sequence[Step]) -> Ratio | None:
    return paired([step.lower for step in steps], [step.upper for step in steps]) if steps else None


def _remainder(steps: Sequence[Step]) -> Ratio:
    """The whole gap over the product of the steps, by round; a step that has no ratio in a round counts by its mean."""
    first, last = _by_round(steps[0].upper), _by_round(steps[-1].lower)
    ratios = [(step.ratio.value, _by_round(step.lower), _by_round(step.upper)) for step in steps]
    values = [
        last[number]
        / first[number]
        / math.prod(
            lower[number] / upper[number] if number in lower and number in upper else mean
            for mean, lower, upper in ratios
        )
        for number in sorted(set(first) & set(last))
    ]
    return ratio_of(values)


_SIMD = "SIMD width"
_VECTORS = (
    ("avx512", "512 bits"),
    ("avx", "256 bits"),
    ("sve", "scalable"),
    ("sse", "128 bits"),
    ("asimd", "128 bits"),
)
"""Beginnings of names of processor features to the width of vectors that they offer, the widest first."""

_PROOF: tuple[tuple[str, Callable[[Measurement], str | None]], ...] = (
    ("engine version", lambda m: m.version),
    ("JavaScript engine", lambda m: _javascript(m)),
    (_SIMD, lambda m: _vectors(m)),
)
"""Values of the proof that a step may change beside the axes."""


def _javascript(measurement: Measurement) -> str | None:
    proof = measurement.proof
    if v8 := proof.environment.get("v8"):
        return f"V8 {v8} of Node {proof.environment.get('node', 'of an unknown version')}"
    return f"that of the browser, version {proof.browser_version}" if proof.browser_version else None


def _vectors(measurement: Measurement) -> str | None:
    """The widest vectors that the processor or the WebAssembly binary offers; None if it is not known."""
    proof = measurement.proof
    if proof.simd is not None:
        return "128 bits (WebAssembly)" if proof.simd else "no vectors"
    found = [(name, width) for start, width in _VECTORS for name in proof.cpu_features if name.startswith(start)]
    return f"up to {found[0][1]} ({found[0][0]})" if found else None


def _changes(upper: CaseSummary, lower: CaseSummary) -> tuple[Change, ...]:
    """The axes and values of the proof that differ.

    Axes of pages count only between two pages, and axes of a backend only where both backends have them.
    """
    found = []
    for name, axis in AXES.items():
        before, after = getattr(upper.case, name), getattr(lower.case, name)
        outside = axis.scope == "pages" and name != "browser" and not (upper.in_page and lower.in_page)
        follows = name in OFFERED and None in (before, after)
        if before != after and not outside and not follows:
            found.append(Change(axis.title, _shown(before), _shown(after)))
    one, other = upper.measurement, lower.measurement
    if one and other:
        found += [
            Change(name, before, after)
            for name, value in _PROOF
            if (before := value(one)) and (after := value(other)) and before != after and not _follows(name, found)
        ]
    return tuple(found)


def _follows(name: str, changes: Sequence[Change]) -> bool:
    """Whether a value of the proof differs because an axis differs: a release is an engine of its own, and a Wasm build
    or a backend of a page has its vectors.
    """
    axes = {change.name: change for change in changes}
    engine = axes.get("engine")
    if name == _SIMD:
        return AXES["wasm_build"].title in axes or (engine is None and "backend" in axes)
    same_engine = engine is not None and engine.before.partition("@")[0] == engine.after.partition("@")[0]
    return name == "engine version" and same_engine


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _growth(cases: Sequence[CaseSummary]) -> KernelGrowth | None:
    """Between the rungs farthest apart that both have kernels; with equal threads, if there are such."""
    with_kernels = [(case, found) for case in cases if (found := kernels(case))]
    pairs = [
        (upper, lower)
        for position, upper in enumerate(with_kernels)
        for lower in with_kernels[position + 1 :]
        if upper[0].in_page != lower[0].in_page
    ]
    equal = [pair for pair in pairs if pair[0][0].case.threads == pair[1][0].case.threads]
    if not pairs:
        return None
    (upper, above), (lower, below) = (equal or pairs)[0]
    return KernelGrowth(upper.case, lower.case, _rows(above, below))


def _rows(above: KernelSummary, below: KernelSummary) -> tuple[Growth, ...]:
    before = {row.type: row.median_ms for row in above.rows}
    after = {row.type: row.median_ms for row in below.rows}
    grown = {kind: after.get(kind, 0.0) - before.get(kind, 0.0) for kind in {**before, **after}}
    whole = sum(value for value in grown.values() if value > 0)
    ordered = sorted((kind for kind in grown if grown[kind] > 0), key=lambda kind: -grown[kind])
    return tuple(
        Growth(kind, before.get(kind, 0.0), after.get(kind, 0.0), grown[kind] / whole) for kind in ordered[:TOP_KERNELS]
    )


@dataclass(frozen=True)
class Explained:
    """The ladders of one model on one target."""

    target: TargetSummary
    model: str
    precision: str
    batch: int
    ladders: tuple[Explanation, ...]


def select(
    summary: RunSummary, *, model: str | None = None, target: str | None = None, precision: str = "fp32"
) -> tuple[Explained, ...]:
    """The ladders of a run's model, on one target or on all of them.

    Raises:
        BadInput: the run has no such model or target, has several models and none is named, or has no ladder of it.
    """
    run = summary.info.id
    targets = [one for one in summary.targets if target in (None, one.info.id)]
    if not targets:
        known = ", ".join(one.info.id for one in summary.targets)
        raise BadInput(f"Run {run} has no target {target}.", hint=f"It has {known}.")
    models = list(dict.fromkeys(case.case.model for one in targets for case in one.plain))
    if model is None and len(models) == 1:
        model = models[0]
    if model is None or model not in models:
        what = f"no model {model}" if model else f"{len(models)} models"
        raise BadInput(f"Run {run} has {what}.", hint=f"Name one with --model: {', '.join(models) or 'it has none'}.")
    found = tuple(
        Explained(one, *key, ladders)
        for one in targets
        for key in one.by_model()
        if key[:2] == (model, precision) and (ladders := explanations(one, *key))
    )
    if not found:
        raise BadInput(
            f"Run {run} has no ladder for {model} {precision}: it needs a native engine, its web engine in a page, and "
            "at least one case between them.",
            hint=f"Measure them with `mobilebench run --suite ladder --model {model}`.",
        )
    return found


def as_data(found: Explained) -> dict[str, Any]:
    """The ladders of one model on one target, as JSON. Times are milliseconds, factors are ratios."""
    return {
        "target": found.target.info.id,
        "soc": found.target.soc,
        "virtual": found.target.info.virtual,
        "model": found.model,
        "precision": found.precision,
        "batch": found.batch,
        "ladders": [_ladder_data(one) for one in found.ladders],
    }


def _ladder_data(found: Explanation) -> dict[str, Any]:
    growth = found.growth
    return {
        "native": found.ladder.native,
        "web": found.ladder.web,
        "top": {"rung": found.top_title, **_case_data(found.top)},
        "steps": [_step_data(step) for step in found.steps],
        "side_steps": [_step_data(step) for step in found.sides],
        "not_measured": [
            {"rung": one.rung, "step": one.step, "reason": one.reason, "side_step": one.side} for one in found.missing
        ],
        "total": _ratio_data(found.total),
        "product": found.product,
        "unexplained": _ratio_data(found.remainder),
        "steps_of_one_thing": _ratio_data(found.single),
        "steps_of_several_things": _ratio_data(found.several),
        "kernels": growth
        and {
            "native": growth.upper.key,
            "page": growth.lower.key,
            "growing": [
                {
                    "type": row.type,
                    "native_ms": row.above_ms,
                    "page_ms": row.below_ms,
                    "factor": row.factor,
                    "share_of_growth": row.share,
                }
                for row in growth.rows
            ],
        },
    }


def _case_data(case: CaseSummary) -> dict[str, Any]:
    return {"case": case.case.key, "status": case.status, "prediction_ms": case.stages["prediction"].value}


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "step": step.title,
        "rung": step.rung,
        **_case_data(step.lower),
        "against": step.upper.case.key,
        "changes": [{"name": one.name, "before": one.before, "after": one.after} for one in step.changes],
        "changes_one_thing": step.one_thing,
        "factor": _ratio_data(step.ratio),
        "so_far": _ratio_data(step.cumulative),
    }


def _ratio_data(found: Ratio | None) -> dict[str, Any] | None:
    if found is None:
        return None
    interval = found.interval
    return {
        "ratio": found.value,
        "interval": [interval.low, interval.high] if interval else None,
        "spread": [found.spread.low, found.spread.high],
        "rounds": found.rounds,
    }
