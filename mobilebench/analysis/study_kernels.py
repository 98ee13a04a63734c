"""Shares of kernels in prediction and warmup by way, with the change of each kernel's time against plain WebAssembly.

TensorFlow.js' kernels are grouped as Wang et al. name them, so that both can be set side by side. Its own converter
writes an einsum as a matrix product with reshapes and transpositions, so these together stand for the study's Einsum.
Other engines have the common operator types.

Source:
    Q. Wang et al., "Anatomizing Deep Learning Inference in Web Browsers", ACM TOSEM 34 (2025), tables 12 to 17.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mobilebench.analysis.kernels import Clock, KernelNode, KernelSummary, kernels
from mobilebench.analysis.study_tables import Group, Model, Way, group_of, in_all, model_of, order_of, plain_of, way_of
from mobilebench.analysis.summary import CaseSummary, RunSummary, TargetSummary
from mobilebench.core.records import Stage
from mobilebench.statistics.estimates import geometric_mean

KERNEL_STAGES: tuple[Stage, ...] = ("prediction", "warmup")
EINSUM = "Einsum"
STUDY_KERNELS: Mapping[str, tuple[str, ...]] = {
    EINSUM: ("Einsum", "BatchMatMul", "MatMul", "Reshape", "Transpose"),
    "FusedMatMul": ("FusedMatMul", "_FusedMatMul"),
    "FusedConv2D": ("FusedConv2D", "_FusedConv2D", "Conv2D"),
    "FusedDwConv2D": ("FusedDepthwiseConv2D", "FusedDepthwiseConv2dNative", "DepthwiseConv2dNative"),
    "GatherV2": ("GatherV2",),
    "Slice": ("Slice",),
    "Add": ("Add", "AddV2"),
    "Multiply": ("Multiply",),
}
"""The study's name of a kernel to the names of TensorFlow.js' kernels that it stands for."""
OTHER = "other kernels"
_ROW_OF = {name: row for row, names in STUDY_KERNELS.items() for name in names}


@dataclass(frozen=True)
class KernelTime:
    """One row of one case."""

    ms: float
    share: float
    """Of the time of all kernels."""


@dataclass(frozen=True)
class KernelTable:
    """Kernels of one engine in one browser on one target, in one stage."""

    name: str
    target: TargetSummary
    group: Group
    """WebAssembly and GPU backends have tables of their own, as in the study."""
    engine: str
    browser: str | None
    stage: Stage
    ways: tuple[Way, ...]
    rows: tuple[str, ...]
    """Largest share first; `other kernels` last."""
    times: Mapping[tuple[Model, Way], Mapping[str, KernelTime]]
    """Every case with its rows."""
    common: tuple[Model, ...]
    """The models that every way has which has any."""
    clocks: Mapping[Way, Clock | None]
    missing: tuple[tuple[CaseSummary, str], ...]
    """Cases whose kernels are not known, with the reason."""
    suspect: frozenset[Way]
    """Ways with a suspect pass."""

    def share(self, way: Way, row: str) -> float | None:
        """Mean share over the common models, 0 for those without the kernel; None if none of them has it."""
        own = [self.times[model, way] for model in self.common if (model, way) in self.times]
        if not any(row in times for times in own):
            return None
        return math.fsum(times.get(row, _NO_TIME).share for times in own) / len(own)

    def change(self, way: Way, row: str) -> float | None:
        """Time of a kernel over its time in plain WebAssembly, as geometric mean over the models in which it runs on
        both sides; None if there is nothing to compare.
        """
        base = plain_of(way, self.ways)
        ratios = []
        for model in self.common if base else ():
            above = self.times.get((model, way), {}).get(row, _NO_TIME).ms
            below = self.times.get((model, base), {}).get(row, _NO_TIME).ms if base else 0.0
            if above > 0 and below > 0:
                ratios.append(above / below)
        return geometric_mean(ratios) if ratios else None


_NO_TIME = KernelTime(0.0, 0.0)


def kernel_tables(summary: RunSummary) -> tuple[KernelTable, ...]:
    """The tables of every target, engine and browser with kernels passes, for prediction and warmup."""
    return tuple(table for target in summary.targets for table in _of_target(target))


def row_of(node: KernelNode, engine: str) -> str:
    """The row to which a kernel belongs."""
    if engine.partition("@")[0] == "tfjs":
        return _ROW_OF.get(node.name, OTHER)
    return node.type


def _of_target(target: TargetSummary) -> Iterable[KernelTable]:
    watched = [case for case in target.cases if "kernels" in case.watched]
    by_identity: dict[tuple[str, str | None, Group], list[CaseSummary]] = {}
    for case in watched:
        by_identity.setdefault((case.case.engine, case.case.browser, group_of(case.case)), []).append(case)
    for own in by_identity.values():
        found = {case.case.key: kernels(case) for case in own}
        for stage in KERNEL_STAGES:
            table = _table(target, stage, own, found)
            if table.times:
                yield table


def _table(
    target: TargetSummary, stage: Stage, own: Sequence[CaseSummary], found: Mapping[str, KernelSummary | None]
) -> KernelTable:
    engine, browser, group = own[0].case.engine, own[0].case.browser, group_of(own[0].case)
    times: dict[tuple[Model, Way], Mapping[str, KernelTime]] = {}
    missing: list[tuple[CaseSummary, str]] = []
    for case in own:
        summary = found[case.case.key]
        rows = _times(summary, engine, stage) if summary else {}
        if rows:
            times[model_of(case.case), way_of(case.case)] = rows
        else:
            missing.append((case, _why(case, summary)))
    ways = tuple(sorted({way_of(case.case) for case in own}, key=order_of))
    common = in_all({way: [model for model, other in times if other == way] for way in ways})
    shares: dict[str, float] = {}
    for by_row in times.values():
        for row, time in by_row.items():
            shares[row] = max(shares.get(row, 0.0), time.share)
    clocks = {way_of(case.case): kernel.clock for case in own if (kernel := found[case.case.key])}
    return KernelTable(
        name="-".join(filter(None, ("kernels", group, engine, browser, stage))),
        target=target,
        group=group,
        engine=engine,
        browser=browser,
        stage=stage,
        ways=ways,
        rows=tuple(sorted(shares, key=lambda row: (row == OTHER, -shares[row], row))),
        times=times,
        common=common,
        clocks=clocks,
        missing=tuple(missing),
        suspect=frozenset(way_of(case.case) for case in own if case.watched["kernels"].status == "suspect"),
    )


def _times(summary: KernelSummary, engine: str, stage: Stage) -> dict[str, KernelTime]:
    sums: dict[str, float] = {}
    for node in summary.nodes:
        ms = node.median_ms if stage == "prediction" else node.warmup_ms
        if ms is not None:
            row = row_of(node, engine)
            sums[row] = sums.get(row, 0.0) + ms
    total = math.fsum(sums.values())
    return {row: KernelTime(ms, ms / total) for row, ms in sums.items()} if total > 0 else {}


def _why(case: CaseSummary, summary: KernelSummary | None) -> str:
    if summary:
        return "The profiler reported no time of this stage."
    watched = case.watched["kernels"]
    return " ".join(watched.reasons) or ("The profiler reported no kernel." if watched.blocks else "")
