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
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, TargetSummary
from mobilebench.report import figures, watched, watched_figures, words
from mobilebench.report.drawing import Figure
from mobilebench.results.records import Pass

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ModelView:
    """One model on one target, as a part of the page."""

    title: str
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

    @property
    def graphics(self) -> bool:
        """Whether any memory pass tells graphics memory."""
        return any(memory.graphics_kb is not None for _, memory in self.memory)

    @property
    def unwatched(self) -> list[tuple[str, CaseSummary, str]]:
        """Passes that were planned and cannot be shown: what for, the case, and why."""
        passes: tuple[Pass, ...] = ("kernels", "memory")
        return [(one, *without) for one in passes for without in watched.without(self.cases, one)]


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
    template = _environment().get_template("report.html.jinja")
    return template.render(
        run=summary,
        targets=[_target(number, target, groups) for number, target in enumerate(summary.targets, 1)],
        anchor={target.info.id: f"target-{number}" for number, target in enumerate(summary.targets, 1)},
        glances=words.glances(groups),
        proof_id={case.case.key: f"proof-{number}" for number, case in enumerate(cases, 1)},
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
    environment.globals.update(labels=labels, words=words, figures=figures, STAGES=STAGES)
    environment.globals.update(watched=watched, watched_figures=watched_figures, TOP_NODES=TOP_NODES)
    environment.filters.update(ms=labels.duration, ratio=labels.ratio, size=_size, instant=_instant)
    environment.filters.update(percent=labels.percent, memory=watched.optional_size, amount=watched.optional_amount)
    return environment


def _finalize(value: object) -> object:
    if isinstance(value, Markup):
        return value
    return labels.printable(value) if isinstance(value, str) else value


def _target(number: int, target: TargetSummary, groups: Iterable[GapGroup]) -> TargetView:
    mark = target.soc if target.info.virtual else None
    own = [group for group in groups if group.target is target]
    return TargetView(f"target-{number}", target, mark, tuple(_model(target, group, mark) for group in own))


def _model(target: TargetSummary, group: GapGroup, mark: str | None) -> ModelView:
    cases = target.by_model()[group.model, group.variant, group.batch]
    kernels, memory = watched.with_kernels(cases), watched.with_memory(cases)
    return ModelView(
        title=labels.model_label(group.model, group.variant, group.batch),
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
    )


def _longest(group: GapGroup) -> float:
    values: Sequence[float] = [gap.ratios["prediction"].median for gap in group.main if "prediction" in gap.ratios]
    return max(values, default=1.0)


def _instant(ms: float) -> str:
    """A clock's step as `1 ns`, `5 µs` or `1 ms`."""
    for limit, factor, unit in ((1e-3, 1e6, "ns"), (1.0, 1e3, "µs")):
        if ms < limit:
            return f"{ms * factor:.3g} {unit}"
    return f"{ms:.3g} ms"


def _size(count: int) -> str:
    """Bytes as `3.8 MB`."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count} B"
