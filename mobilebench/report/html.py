"""The HTML report: one file that works offline, with its style, script and pictures inside.

Everything that a device or a page said is hostile text: the template escapes all of it, invisible characters are
shown, and a content security policy lets no script run but the report's own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mobilebench.analysis import labels
from mobilebench.analysis.gaps import GapGroup, gaps
from mobilebench.analysis.kernels import TOP_NODES
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, Status, TargetSummary, counts_of
from mobilebench.core.records import Pass, TraceFile
from mobilebench.report import figures, pages, phrases, watched, watched_figures
from mobilebench.report.drawing import Figure
from mobilebench.report.proof import proof_facts

FOLDED_FROM = 80
"""Cases of a run from which on its models are folded when the page opens."""
LONG = 20
"""Rows from which on a table scrolls in a box of its own."""
ALL_PAIRS = 120
"""More pairs of a web and a native case than these are left to `gaps.csv`."""
DETAILED_UP_TO = 800
"""Passes of a run up to which the page holds a case's tables by type, node, stage and kernel, too."""
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class _Shape:
    """What a run's number of cases makes of its page."""

    unfolded: bool
    detailed: bool


@dataclass(frozen=True)
class LeftOut:
    """Cases of which nothing was measured for the same reason."""

    status: Status
    reason: str
    cases: tuple[CaseSummary, ...]

    @property
    def count(self) -> int:
        return len(self.cases)


@dataclass(frozen=True)
class ModelView:
    """One model on one target, as a part of the page."""

    anchor: str
    title: str
    unfolded: bool
    detailed: bool
    counts: dict[Status, int]
    ran: tuple[CaseSummary, ...]
    """Cases that have a measurement, or blocks that failed."""
    left_out: tuple[LeftOut, ...]
    cases: tuple[CaseSummary, ...]
    group: GapGroup
    latency: Figure | None
    stages: Figure | None
    segments: list[tuple[str, str]]
    longest_ratio: float
    kernels: Sequence[watched_figures.WatchedKernels]
    kernel_shares: Figure | None
    memory: Sequence[watched_figures.WatchedMemory]
    memory_growth: Figure | None
    page_memory: Sequence[watched_figures.WatchedPageMemory]
    """What pages told."""
    traces: Sequence[tuple[CaseSummary, TraceFile]]
    page_setups: Sequence[CaseSummary]
    page_inferences: Sequence[CaseSummary]

    @property
    def graphics(self) -> bool:
        """Whether any memory pass tells graphics memory."""
        return any(memory.graphics_kb is not None for _, memory in self.memory)

    @property
    def unwatched(self) -> list[tuple[str, CaseSummary, str]]:
        """Passes that were planned and cannot be shown: what for, the case, and why."""
        passes: tuple[Pass, ...] = ("kernels", "memory", "trace")
        return [(one, *without) for one in passes for without in watched.without(self.cases, one)]

    @property
    def has_intervals(self) -> bool:
        """Whether any case's prediction has an interval, which takes three blocks."""
        found = (case.stages.get("prediction") for case in self.cases)
        return any(prediction is not None and prediction.interval is not None for prediction in found)


@dataclass(frozen=True)
class TargetView:
    """One target, as a part of the page."""

    anchor: str
    summary: TargetSummary
    mark: str | None
    """What every picture and table of a virtual target carries."""
    models: tuple[ModelView, ...]


def render(summary: RunSummary) -> str:
    """The whole report as one HTML document."""
    groups = gaps(summary)
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    cases = [case for target in summary.targets for case in target.cases]
    shape = _Shape(
        unfolded=len(cases) < FOLDED_FROM,
        detailed=sum(len(case.watched) for case in cases) <= DETAILED_UP_TO,
    )
    views = [_target(number, target, groups, shape) for number, target in enumerate(summary.targets, 1)]
    models = [(view, model) for view in views for model in view.models]
    template = _environment().get_template("report.html.jinja")
    return template.render(
        run=summary,
        targets=views,
        model_anchor={
            (v.summary.info.id, m.group.model, m.group.precision, m.group.batch): m.anchor for v, m in models
        },
        anchor={target.info.id: f"target-{number}" for number, target in enumerate(summary.targets, 1)},
        glances=phrases.glances(groups),
        proof_id={case.case.key: f"proof-{number}" for number, case in enumerate(filter(_ran, cases), 1)},
        many=len(cases) > LONG,
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.globals.update(labels=labels, words=phrases, figures=figures, STAGES=STAGES)
    environment.globals.update(pages=pages, proof_facts=proof_facts, LONG=LONG, ALL_PAIRS=ALL_PAIRS)
    environment.globals.update(watched=watched, watched_figures=watched_figures, TOP_NODES=TOP_NODES)
    environment.filters.update(ms=labels.duration, ratio=labels.ratio, size=_size)
    environment.filters.update(percent=labels.percent, memory=watched.optional_size, amount=watched.optional_amount)
    return environment


def _finalize(value: object) -> object:
    if isinstance(value, Markup):
        return value
    return labels.printable(value) if isinstance(value, str) else value


def _target(number: int, target: TargetSummary, groups: Iterable[GapGroup], shape: _Shape) -> TargetView:
    mark = target.soc if target.info.virtual else None
    anchor = f"target-{number}"
    own = [group for group in groups if group.target is target]
    models = (_model(target, group, mark, f"{anchor}-{n}", shape) for n, group in enumerate(own, 1))
    return TargetView(anchor, target, mark, tuple(models))


def _model(target: TargetSummary, group: GapGroup, mark: str | None, anchor: str, shape: _Shape) -> ModelView:
    cases = target.by_model()[group.model, group.precision, group.batch]
    kernels, memory = watched.with_kernels(cases), watched.with_memory(cases)
    return ModelView(
        anchor=anchor,
        title=labels.model_label(group.model, group.precision, group.batch),
        unfolded=shape.unfolded,
        detailed=shape.detailed,
        counts=counts_of(cases),
        ran=tuple(filter(_ran, cases)),
        left_out=_left_out(cases),
        cases=cases,
        group=group,
        latency=figures.latency(cases, mark),
        stages=figures.stages(cases, mark),
        segments=figures.used_segments(cases),
        longest_ratio=_longest(group),
        kernels=kernels,
        kernel_shares=watched_figures.kernel_shares(kernels, mark),
        memory=memory,
        memory_growth=watched_figures.memory_growth(memory, mark),
        page_memory=watched.with_page_memory(cases),
        traces=watched.with_trace(cases),
        page_setups=pages.with_setup(cases),
        page_inferences=pages.with_parts_of_inference(cases),
    )


def _ran(case: CaseSummary) -> bool:
    return case.measurement is not None or case.status not in ("unsupported", "not measured")


def _left_out(cases: Iterable[CaseSummary]) -> tuple[LeftOut, ...]:
    found: dict[tuple[Status, str], list[CaseSummary]] = {}
    for case in cases:
        if not _ran(case):
            reason = " ".join(case.reasons) or "The run ended before it."
            found.setdefault((case.status, reason), []).append(case)
    return tuple(LeftOut(*key, tuple(of)) for key, of in found.items())


def _longest(group: GapGroup) -> float:
    values: Sequence[float] = [gap.ratios["prediction"].median for gap in group.main if "prediction" in gap.ratios]
    return max(values, default=1.0)


def _size(count: int) -> str:
    """Bytes as `3.8 MB`."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count} B"
