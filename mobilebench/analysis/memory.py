"""Summarises a memory pass: the process as the operating system counts it, and what a page and its browser report.

Of the process, only peak RSS is a true peak: VmHWM, which the kernel maintains. PSS, USS and the rest are momentary
readings, in KiB. The steady values were read after the last prediction. Growth is the difference of a reading at the
end of a stage from the one before it.

What a page reports is named after its source, in bytes. Values of different sources are not compared: they count
different things. Readings are taken at the end of each stage and, if the engine reports its kernels, after each kernel
of the first inference. The highest value is the largest reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.records import KernelMemory, Measurement, MemoryReading, MemoryUse, PageMemory

_MODEL_FILES = (".tflite", ".onnx", ".ort", ".pb", ".data", ".index", ".bin", ".json")


@dataclass(frozen=True)
class Growth:
    """The memory that one stage, or a part of setup, added."""

    stage: str
    part: int
    """Number of the part, from 1; always 1 if the stage is read only once."""
    rss_kb: int
    """Negative if memory was freed."""
    pss_kb: int | None
    uss_kb: int | None
    after: MemoryReading


@dataclass(frozen=True)
class MemorySummary:
    """One case's memory pass."""

    peak_rss_kb: int | None
    first: MemoryReading
    """The runner's memory before anything was loaded."""
    steady: MemoryReading
    """The reading after the last prediction; without one, the last reading."""
    growth: tuple[Growth, ...]
    """In the order of the stages."""
    period_ms: float | None
    """Milliseconds between periodic samples; None if there are none."""
    samples: int
    """The number of periodic samples."""
    highest_sampled: MemoryReading
    """The reading with the largest RSS; it may have been higher between samples."""
    graphics_kb: int | None
    model_kb: float | None
    readings: tuple[MemoryReading, ...]
    notes: tuple[str, ...]

    @property
    def peak_to_model(self) -> float | None:
        """Peak RSS over the size of the model's files."""
        return self.peak_rss_kb / self.model_kb if self.peak_rss_kb and self.model_kb else None

    @property
    def grown_kb(self) -> int:
        """Difference of the steady RSS from the first reading."""
        return self.steady.rss_kb - self.first.rss_kb


def memory(case: CaseSummary) -> MemorySummary | None:
    """A case's memory pass; None if none was planned, none counts, or nothing could be read."""
    for answer, use in _memory_read(case):
        if use.readings:
            return _summary(answer, use)
    return None


def _memory_read(case: CaseSummary) -> Iterator[tuple[Measurement, MemoryUse]]:
    """The measurements of a case's memory pass that count, with the memory that was read in them."""
    for block in case.watched["memory"].counted if "memory" in case.watched else ():
        answer = block.block.measurement
        if answer and answer.memory:
            yield answer, answer.memory


def model_bytes(answer: Measurement) -> int | None:
    """Size of the model's files among the loaded files; None if none is known."""
    sizes = [
        file.bytes for file in answer.proof.files if file.bytes and PurePath(file.name).suffix.startswith(_MODEL_FILES)
    ]
    return sum(sizes) or None


def _summary(answer: Measurement, use: MemoryUse) -> MemorySummary:
    readings = sorted(use.readings, key=lambda reading: reading.at_ms)
    marked = [reading for reading in readings if reading.stage]
    ended = [reading for reading in marked if reading.stage == "prediction"]
    size = model_bytes(answer)
    return MemorySummary(
        peak_rss_kb=use.peak_rss_kb,
        first=readings[0],
        steady=ended[-1] if ended else readings[-1],
        growth=_growths(readings[:1] + marked if readings[0].stage is None else marked),
        period_ms=use.period_ms,
        samples=len(readings) - len(marked),
        highest_sampled=max(readings, key=lambda reading: reading.rss_kb),
        graphics_kb=use.graphics_kb,
        model_kb=size / 1024 if size else None,
        readings=tuple(readings),
        notes=tuple(use.notes),
    )


def _growths(marked: Sequence[MemoryReading]) -> tuple[Growth, ...]:
    parts: Counter[str] = Counter()
    found = []
    for before, after in pairwise(marked):
        stage = after.stage or ""
        parts[stage] += 1
        found.append(_growth(before, after, stage, parts[stage]))
    return tuple(found)


def _growth(before: MemoryReading, after: MemoryReading, stage: str, part: int) -> Growth:
    return Growth(
        stage=stage,
        part=part,
        rss_kb=after.rss_kb - before.rss_kb,
        pss_kb=_added(before.pss_kb, after.pss_kb),
        uss_kb=_added(before.uss_kb, after.uss_kb),
        after=after,
    )


def _added(before: int | None, after: int | None) -> int | None:
    return after - before if before is not None and after is not None else None


TOP_KERNELS = 10

NAMES: dict[str, str] = {
    "wasm_heap_bytes": "WebAssembly.Memory",
    "js_heap_bytes": "JS heap (usedSize)",
    "js_backing_bytes": "array buffers (backingStorageSize)",
    "performance_memory_bytes": "performance.memory (usedJSHeapSize)",
    "performance_memory_total_bytes": "performance.memory (totalJSHeapSize)",
    "user_agent_bytes": "measureUserAgentSpecificMemory()",
    "tf_bytes": "tf.memory() (numBytes)",
    "tf_gpu_bytes": "tf.memory() (numBytesInGPU)",
}
"""Field of a reading to the name of its source."""


@dataclass(frozen=True)
class SourceMemory:
    """One of the values, over the stages."""

    name: str
    """The field."""
    first: int
    """The earliest reading."""
    steady: int
    """The last reading, at the end of the predictions."""
    highest: int
    """The largest reading."""
    highest_after: str
    """The stage, or the kernel, after which it was read."""
    to_model: float | None
    """Highest over the size of the model's files."""

    @property
    def label(self) -> str:
        return NAMES[self.name]


@dataclass(frozen=True)
class KernelGrowth:
    """One kernel of the first inference, with the memory that it added."""

    position: int
    """Position in the order of execution, from 1."""
    kernel: KernelMemory
    heap_growth: int | None
    """Growth of `WebAssembly.Memory` since the previous kernel."""


@dataclass(frozen=True)
class PageMemorySummary:
    """One case's memory pass, as the page reported it."""

    sources: tuple[SourceMemory, ...]
    readings: tuple[PageMemory, ...]
    kernels: tuple[KernelMemory, ...]
    """All kernels in the order of execution, for the curve."""
    top: tuple[KernelGrowth, ...]
    """The kernels that added most bytes of tensors, the largest first."""
    peak_tensors: int | None
    """The largest `totalBytesSnapshot`; None if the engine reported no kernel."""
    model_bytes: int | None

    @property
    def tensors_to_model(self) -> float | None:
        """The largest `totalBytesSnapshot` over the size of the model's files."""
        return self.peak_tensors / self.model_bytes if self.peak_tensors and self.model_bytes else None

    def of(self, name: str) -> SourceMemory | None:
        return next((one for one in self.sources if one.name == name), None)


def page_memory(case: CaseSummary) -> PageMemorySummary | None:
    """A page case's memory pass; None if none was planned, none counts, or the case is native."""
    for answer, use in _memory_read(case):
        if use.page:
            return _page_summary(answer, use)
    return None


def _page_summary(answer: Measurement, use: MemoryUse) -> PageMemorySummary:
    readings = sorted(use.page, key=lambda reading: reading.at_ms)
    size = model_bytes(answer)
    sources = (_source(name, readings, use.kernels, size) for name in NAMES)
    return PageMemorySummary(
        sources=tuple(one for one in sources if one),
        readings=tuple(readings),
        kernels=tuple(use.kernels),
        top=_top(use.kernels),
        peak_tensors=max((kernel.total_bytes for kernel in use.kernels), default=None),
        model_bytes=size,
    )


def _source(
    name: str, readings: Sequence[PageMemory], kernels: Sequence[KernelMemory], size: int | None
) -> SourceMemory | None:
    stages = [(value, reading.stage) for reading in readings if (value := getattr(reading, name)) is not None]
    if not stages:
        return None
    read = kernels if name in KernelMemory.model_fields else ()
    within = [(value, kernel.name) for kernel in read if (value := getattr(kernel, name)) is not None]
    highest, after = max([*stages, *within], key=lambda one: one[0])
    return SourceMemory(name, stages[0][0], stages[-1][0], highest, after, highest / size if size else None)


def _top(kernels: Sequence[KernelMemory]) -> tuple[KernelGrowth, ...]:
    grown = [None, *(_heap_growth(before, after) for before, after in pairwise(kernels))]
    all_of_them = [
        KernelGrowth(position, kernel, growth)
        for position, (kernel, growth) in enumerate(zip(kernels, grown, strict=False), 1)
    ]
    return tuple(sorted(all_of_them, key=lambda one: -one.kernel.bytes_added)[:TOP_KERNELS])


def _heap_growth(before: KernelMemory, after: KernelMemory) -> int | None:
    if before.wasm_heap_bytes is None or after.wasm_heap_bytes is None:
        return None
    return after.wasm_heap_bytes - before.wasm_heap_bytes
