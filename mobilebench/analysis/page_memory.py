"""Summarises the memory that pages, their engines and their browsers reported in a memory pass. Sizes are in bytes.

Each value is named after its source, and values of different sources are not compared: they count different things.
Readings are taken at the end of each stage and, if the engine reports its kernels, after each kernel of the first
inference. The highest value is the largest reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mobilebench.analysis.memory import model_bytes
from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.records import KernelMemory, Measurement, MemoryUse, PageMemory

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
class ToldMemory:
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

    told: tuple[ToldMemory, ...]
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

    def of(self, name: str) -> ToldMemory | None:
        return next((one for one in self.told if one.name == name), None)


def page_memory(case: CaseSummary) -> PageMemorySummary | None:
    """A page case's memory pass; None if none was planned, none counts, or the case is native."""
    watched = case.watched.get("memory")
    answers = [block.block.measurement for block in watched.counted] if watched else []
    for answer in answers:
        if answer and answer.memory and answer.memory.page:
            return _summary(answer, answer.memory)
    return None


def _summary(answer: Measurement, use: MemoryUse) -> PageMemorySummary:
    readings = sorted(use.page, key=lambda reading: reading.at_ms)
    size = model_bytes(answer)
    told = (_told(name, readings, use.kernels, size) for name in NAMES)
    return PageMemorySummary(
        told=tuple(one for one in told if one),
        readings=tuple(readings),
        kernels=tuple(use.kernels),
        top=_top(use.kernels),
        peak_tensors=max((kernel.total_bytes for kernel in use.kernels), default=None),
        model_bytes=size,
    )


def _told(
    name: str, readings: Sequence[PageMemory], kernels: Sequence[KernelMemory], size: int | None
) -> ToldMemory | None:
    stages = [(value, reading.stage) for reading in readings if (value := getattr(reading, name)) is not None]
    if not stages:
        return None
    read = kernels if name in KernelMemory.model_fields else ()
    within = [(value, kernel.name) for kernel in read if (value := getattr(kernel, name)) is not None]
    highest, after = max([*stages, *within], key=lambda one: one[0])
    return ToldMemory(name, stages[0][0], stages[-1][0], highest, after, highest / size if size else None)


def _top(kernels: Sequence[KernelMemory]) -> tuple[KernelGrowth, ...]:
    grown = [None, *(_difference(before, after) for before, after in pairwise(kernels))]
    all_of_them = [
        KernelGrowth(position, kernel, growth)
        for position, (kernel, growth) in enumerate(zip(kernels, grown, strict=False), 1)
    ]
    return tuple(sorted(all_of_them, key=lambda one: -one.kernel.bytes_added)[:TOP_KERNELS])


def _difference(before: KernelMemory, after: KernelMemory) -> int | None:
    if before.wasm_heap_bytes is None or after.wasm_heap_bytes is None:
        return None
    return after.wasm_heap_bytes - before.wasm_heap_bytes
