"""Summarises a kernels pass: time by operator type and by node, and the share of the prediction that it explains.

Times are from the engine's own profiler. Every number is a median over the predictions of one block, and shares are of
the time of all kernels. FLOPs are 2 x multiply-accumulates of the model's file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from mobilebench.analysis.summary import CaseSummary, disagreements
from mobilebench.core.operators import TYPES, Intensity, OperatorType, intensity, is_known, operator_type
from mobilebench.core.records import Kernel, Measurement
from mobilebench.statistics.estimates import median

Clock = Literal["cpu", "gpu"]
"""The processor whose clock timed a kernel."""
TOP_NODES = 10
GPU_BACKENDS = frozenset({"webgl", "webgpu"})
"""GPU backends of pages; the browser decides whether the GPU's own timers may be read."""


@dataclass(frozen=True)
class KernelNode:
    """One node or fused kernel."""

    name: str
    operator: str | None
    """The operator of the model's file that it computes, if known."""
    type: OperatorType
    node: int | None
    provider: str | None
    collapsed: bool
    median_ms: float
    share: float
    """Of what all kernels take together."""
    warmup_ms: float | None
    """Its time in the first inference."""
    clock: Clock | None


@dataclass(frozen=True)
class TypeRow:
    """All kernels of one type, with the operators of that type in the model's file."""

    type: OperatorType
    kernels: int
    """Number of kernels; 0 for a type in the file that the engine has fused into others."""
    median_ms: float
    """Time per prediction."""
    share: float
    """Of what all kernels take together."""
    warmup_ms: float | None
    flops: int | None
    """FLOPs of the file's operators of this type; None if they are not known."""
    parameters: int | None
    """Parameters of the file's operators of this type; None if they are not known."""
    rate: float | None
    """GFLOP/s; None if the numbers of kernels and of such operators in the file differ: then time and FLOPs are not of
    the same work.
    """

    @property
    def intensity(self) -> Intensity | None:
        return intensity(self.type)


@dataclass(frozen=True)
class KernelSummary:
    """One case's kernels pass."""

    rows: tuple[TypeRow, ...]
    """Longest first."""
    nodes: tuple[KernelNode, ...]
    """Longest first, all of them."""
    sum_ms: float
    """All kernels of one prediction together."""
    whole_ms: float
    """The same pass's prediction."""
    timing_ms: float | None
    """The timing blocks' prediction; None if they may not be compared with this pass."""
    apart: tuple[str, ...]
    """The differences of this pass from the timing blocks."""
    warmup_sum_ms: float | None
    warmup_ms: float | None
    renamed: tuple[tuple[str, str, int], ...]
    """Kernels whose operator has a different type than their name: name, operator, number."""
    unknown: tuple[str, ...]
    """Names that are not in the vocabulary of operator types."""
    clock: Clock | None
    """`gpu` if at least one kernel was timed by a GPU; None if the engine has only one clock."""
    on_gpu: bool
    """Whether the case asked for a GPU."""
    merged: bool
    """Whether depthwise convolutions are counted as convolutions, because the profiler does not distinguish them."""
    notes: tuple[str, ...]

    @property
    def explained(self) -> float:
        """The kernels' sum as a share of the pass's own prediction; above 1 if some run concurrently."""
        return self.sum_ms / self.whole_ms if self.whole_ms else 0.0

    @property
    def explained_first(self) -> float | None:
        """The same for the first inference; None if its kernels were not reported."""
        return self.warmup_sum_ms / self.warmup_ms if self.warmup_sum_ms is not None and self.warmup_ms else None

    @property
    def distortion(self) -> float | None:
        """The pass's prediction over the timing blocks'."""
        return self.whole_ms / self.timing_ms if self.timing_ms else None

    @property
    def collapsed(self) -> tuple[KernelNode, ...]:
        return tuple(node for node in self.nodes if node.collapsed)

    @property
    def flops(self) -> int | None:
        """FLOPs of one prediction; None if they are not known for every type."""
        known = [row.flops for row in self.rows if row.flops is not None]
        return sum(known) if known and len(known) == len(self.rows) else None

    @property
    def parameters(self) -> int | None:
        known = [row.parameters for row in self.rows if row.parameters is not None]
        return sum(known) if known else None

    def share_of(self, kind: Intensity | None) -> float:
        """Share of the kernels' time in types of this class; None: in types of no class."""
        return sum(row.share for row in self.rows if row.intensity == kind)


def kernels(case: CaseSummary) -> KernelSummary | None:
    """A case's kernels pass; None if none was planned, none counts, or the profiler reported no kernel."""
    watched = case.watched.get("kernels")
    answers = [block.block.measurement for block in watched.counted] if watched else []
    answer = next((one for one in answers if one and one.kernels and one.prediction_ms), None)
    return _summary(answer, case) if answer else None


def _summary(answer: Measurement, case: CaseSummary) -> KernelSummary:
    timed = next((block.block.measurement for block in case.counted if block.block.measurement), None)
    apart = tuple(disagreements([timed, answer])) if timed else ()
    names = [kernel.name for kernel in answer.kernels]
    rows, merged = _rows(answer)
    warmups = [kernel.warmup_ms for kernel in answer.kernels if kernel.warmup_ms is not None]
    return KernelSummary(
        rows=rows,
        nodes=_nodes(answer),
        sum_ms=_median_sum(answer.kernels),
        whole_ms=median(answer.prediction_ms),
        timing_ms=case.stages["prediction"].value if "prediction" in case.stages and not apart else None,
        apart=apart,
        warmup_sum_ms=sum(warmups) if warmups else None,
        warmup_ms=answer.warmup_ms[0] if answer.warmup_ms else None,
        renamed=_renamed(answer),
        unknown=tuple(dict.fromkeys(name for name in names if not is_known(name, answer.engine))),
        clock=_clock(answer),
        on_gpu=case.case.backend in GPU_BACKENDS,
        merged=merged,
        notes=tuple(answer.proof.notes),
    )


def _clock(answer: Measurement) -> Clock | None:
    clocks = {kernel.clock for kernel in answer.kernels}
    return "gpu" if "gpu" in clocks else "cpu" if "cpu" in clocks else None


def _type(kernel: Kernel, engine: str) -> OperatorType:
    """The type of the operator that it computes if known, otherwise the type by its own name."""
    return "delegated part" if kernel.collapsed else operator_type(kernel.operator or kernel.name, engine)


def _renamed(answer: Measurement) -> tuple[tuple[str, str, int], ...]:
    counts = Counter(
        (kernel.name, kernel.operator)
        for kernel in answer.kernels
        if kernel.operator and operator_type(kernel.name, answer.engine) != _type(kernel, answer.engine)
    )
    return tuple((name, operator, count) for (name, operator), count in counts.most_common())


def _median_sum(of: Iterable[Kernel]) -> float:
    """The sum of these kernels' times in one prediction: the median over predictions."""
    sums = [sum(times) for times in zip_longest(*(kernel.times_ms for kernel in of), fillvalue=0.0)]
    return median(sums) if sums else 0.0


def _nodes(answer: Measurement) -> tuple[KernelNode, ...]:
    medians = [median(kernel.times_ms) if kernel.times_ms else 0.0 for kernel in answer.kernels]
    total = sum(medians)
    nodes = [
        KernelNode(
            name=kernel.name,
            operator=kernel.operator,
            type=_type(kernel, answer.engine),
            node=kernel.node,
            provider=kernel.provider,
            collapsed=kernel.collapsed,
            median_ms=ms,
            share=ms / total if total else 0.0,
            warmup_ms=kernel.warmup_ms,
            clock=kernel.clock,
        )
        for kernel, ms in zip(answer.kernels, medians, strict=True)
    ]
    return tuple(sorted(nodes, key=lambda node: -node.median_ms))


@dataclass(frozen=True)
class _Held:
    """The operators of one type in the model's file."""

    count: int
    flops: int | None
    parameters: int


def _rows(answer: Measurement) -> tuple[tuple[TypeRow, ...], bool]:
    by_type: dict[OperatorType, list[Kernel]] = {}
    for kernel in answer.kernels:
        by_type.setdefault(_type(kernel, answer.engine), []).append(kernel)
    held, merged = _held(answer, by_type)
    times = {kind: _median_sum(of) for kind, of in by_type.items()}
    total = sum(times.values())
    rows = [
        _row(kind, by_type.get(kind, []), times.get(kind, 0.0), total, held.get(kind), bool(answer.graph))
        for kind in TYPES
        if kind in by_type or (kind in held and (held[kind].flops or held[kind].parameters))
    ]
    return tuple(sorted(rows, key=lambda row: -row.median_ms)), merged


def _row(
    kind: OperatorType,
    of: Sequence[Kernel],
    ms: float,
    total: float,
    held: _Held | None,
    known: bool,
) -> TypeRow:
    if held is None and known:
        held = _Held(0, 0, 0)
    warmups = [kernel.warmup_ms for kernel in of if kernel.warmup_ms is not None]
    flops = held.flops if held else None
    return TypeRow(
        type=kind,
        kernels=len(of),
        median_ms=ms,
        share=ms / total if total else 0.0,
        warmup_ms=sum(warmups) if warmups else None,
        flops=flops,
        parameters=held.parameters if held else None,
        rate=flops / ms / 1e6 if flops and ms and held and held.count == len(of) else None,
    )


def _held(answer: Measurement, by_type: dict[OperatorType, list[Kernel]]) -> tuple[dict[OperatorType, _Held], bool]:
    """The file's operators by type, and whether depthwise convolutions had to be counted as convolutions."""
    found: dict[OperatorType, _Held] = {}
    merged = False
    for operator in answer.graph:
        kind = operator_type(operator.operator, answer.engine)
        if kind == "depthwise convolution" and kind not in by_type and "convolution" in by_type:
            kind, merged = "convolution", True
        before = found.get(kind, _Held(0, 0, 0))
        known = before.flops is not None and operator.macs is not None
        flops = (before.flops or 0) + 2 * (operator.macs or 0) if known else None
        found[kind] = _Held(before.count + operator.count, flops, before.parameters + operator.parameters)
    return found, merged
