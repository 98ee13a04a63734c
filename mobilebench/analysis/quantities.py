"""What the passes beside timing measured of a case, as numbers that runs are compared by: energy and memory.

Energy is the net energy of an inference, one value for each window and method; methods are never mixed. Memory is the
peak resident set of the process (VmHWM), and of a page the largest size of its `WebAssembly.Memory`, one value for each
block of the memory pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from mobilebench.analysis.labels import size
from mobilebench.analysis.memory import NAMES
from mobilebench.analysis.summary import BlockSummary, CaseSummary
from mobilebench.core.records import Pass
from mobilebench.recorders.energy.quantities import PASS
from mobilebench.recorders.energy.window import StageEnergy, accounts
from mobilebench.recorders.reading import Void
from mobilebench.statistics.between_runs import BetweenRuns
from mobilebench.statistics.estimates import Interval

Resource = Literal["energy", "memory"]
RESOURCES: tuple[Resource, ...] = get_args(Resource)
QuantityCall = Literal["more", "less", "no change", "cannot be told"]
Unit = Literal["mJ", "KiB"]

UNITS: dict[Resource, Unit] = {"energy": "mJ", "memory": "KiB"}
PASSES: dict[Resource, Pass] = {"energy": PASS, "memory": "memory"}
"""The pass whose blocks measure it."""
_PEAK = "peak RSS"
_HEAP = "wasm_heap_bytes"


@dataclass(frozen=True)
class Quantity:
    """One quantity of a case in a run."""

    kind: Resource
    detail: str
    """The method, or the source."""
    blocks: tuple[float, ...]
    """One value for each block that counts and has one, in the order of the rounds; in the unit of its kind."""

    @property
    def name(self) -> str:
        """Such as `energy (rapl-package)`."""
        return f"{self.kind} ({self.detail})"


@dataclass(frozen=True)
class QuantityChange:
    """Energy or memory of a case in both runs, in the unit of its kind."""

    name: str
    """As `Quantity.name` has it; only the kind, if neither run has a value."""
    kind: Resource
    before: float | None
    """Typical value; None without one that counts."""
    after: float | None
    call: QuantityCall
    ratio: float | None = None
    interval: Interval | None = None
    p: float | None = None
    corrected_p: float | None = None
    between: BetweenRuns | None = None
    reason: str | None = None
    """Why it cannot be told. The other fields are as `analysis.compare.StageChange` has them."""


def kind_of(name: str) -> Resource:
    """The kind of a quantity with this name."""
    return next(kind for kind in RESOURCES if name.startswith(kind))


def shown(value: float, kind: Resource) -> str:
    """A value with its unit."""
    return f"{value:.3g} mJ" if kind == "energy" else size(value)


def planned(case: CaseSummary, kind: Resource) -> bool:
    """Whether blocks that measure it were planned."""
    return PASSES[kind] in case.watched


def quantities(case: CaseSummary, kinds: Sequence[Resource] = RESOURCES) -> dict[str, Quantity]:
    """The quantities of a case by name, each with at least one value."""
    found: dict[tuple[Resource, str], list[float]] = {}
    for kind in kinds:
        for block in case.watched[PASSES[kind]].counted if planned(case, kind) else ():
            for detail, value in _energy(block) if kind == "energy" else _memory(block):
                found.setdefault((kind, detail), []).append(value)
    made = (Quantity(kind, detail, tuple(values)) for (kind, detail), values in found.items())
    return {one.name: one for one in made}


def _energy(block: BlockSummary) -> Iterator[tuple[str, float]]:
    if answer := block.block.measurement:
        for account in accounts(block.block.series, answer):
            stage = account.stages["prediction"]
            if isinstance(stage, StageEnergy) and not isinstance(stage.net_mj, Void):
                yield account.method, stage.net_mj


def _memory(block: BlockSummary) -> Iterator[tuple[str, float]]:
    use = block.block.measurement.memory if block.block.measurement else None
    if use is None:
        return
    if use.peak_rss_kb:
        yield _PEAK, float(use.peak_rss_kb)
    heaps = [reading.wasm_heap_bytes for reading in use.page if reading.wasm_heap_bytes]
    if heaps:
        yield NAMES[_HEAP], max(heaps) / 1024
