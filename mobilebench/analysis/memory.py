"""Summarises a memory pass. Only peak RSS is a true peak: PSS, USS and the rest are momentary readings.

Peak RSS is VmHWM, which the kernel maintains. The steady values were read after the last prediction. Growth is the
difference of a reading at the end of a stage from the one before it. All sizes are in KiB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

from mobilebench.analysis.summary import CaseSummary
from mobilebench.core.records import Measurement, MemoryReading, MemoryUse

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
    watched = case.watched.get("memory")
    answers = [block.block.measurement for block in watched.counted] if watched else []
    for answer in answers:
        if answer and answer.memory and answer.memory.readings:
            return _summary(answer, answer.memory)
    return None


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
        pss_kb=_difference(before.pss_kb, after.pss_kb),
        uss_kb=_difference(before.uss_kb, after.uss_kb),
        after=after,
    )


def _difference(before: int | None, after: int | None) -> int | None:
    return after - before if before is not None and after is not None else None
