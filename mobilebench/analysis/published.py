"""Sets our numbers beside published ones, cell by cell. It compares and does not judge: hardware and versions differ.

`COUNTERPARTS` is the only place that says which of our cases a published column is about. A case or a published cell
without a counterpart is kept, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mobilebench.analysis.labels import threads_label
from mobilebench.analysis.page_quality import page_scenarios
from mobilebench.analysis.study_kernels import KernelTable, kernel_tables
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, TargetSummary
from mobilebench.core.axes import AXES
from mobilebench.core.records import Case, Stage, TargetKind
from mobilebench.reference.published import Host, KernelShare, Latency, Reference
from mobilebench.statistics.estimates import Interval

HOSTS: Mapping[TargetKind, Host] = {"host": "pc", "android": "mobile"}
"""Kind of target to the published kind of device."""


@dataclass(frozen=True)
class Counterpart:
    """A published column and the cases of ours that it is about."""

    host: Host
    framework: str
    backend: str
    processor: str
    setting: str
    """The five columns that name it in the published files; the browser, model and stage are named alike on both
    sides."""
    engine: str
    """Our engine, in any release."""
    own_backend: str
    wasm_build: str | None = None
    gpu: str | None = None

    def fits(self, kind: TargetKind, case: Case) -> bool:
        """Whether the column is about a case on such a target."""
        own = (self.host, self.engine, self.own_backend, self.wasm_build, self.gpu)
        engine = case.engine.partition("@")[0]
        return own == (HOSTS.get(kind), engine, case.backend, case.wasm_build, case.gpu)


_PAGE_ENGINES = ("tfjs", "ortjs")
_HOSTS: tuple[Host, ...] = ("pc", "mobile")
COUNTERPARTS: tuple[Counterpart, ...] = (
    Counterpart("pc", "tensorflow", "native", "cpu", "", "tensorflow", "cpu"),
    Counterpart("pc", "tensorflow", "native", "gpu", "", "tensorflow", "gpu"),
    Counterpart("pc", "onnxruntime", "native", "cpu", "", "onnxruntime", "cpu"),
    Counterpart("pc", "onnxruntime", "native", "gpu", "", "onnxruntime", "cuda"),
    Counterpart("mobile", "tflite", "native", "cpu", "", "tflite", "cpu"),
    Counterpart("mobile", "tflite", "native", "gpu", "", "tflite", "gpu"),
    Counterpart("mobile", "onnxruntime", "native", "cpu", "", "onnxruntime", "cpu"),
    *(
        Counterpart(host, engine, "wasm", "cpu", build, engine, "wasm", wasm_build=build)
        for host in _HOSTS
        for engine in _PAGE_ENGINES
        for build in ("plain", "simd", "threads", "simd-threads")
    ),
    *(
        Counterpart("pc", engine, "webgl", "gpu", gpu, engine, "webgl", gpu=gpu)
        for engine in _PAGE_ENGINES
        for gpu in ("integrated", "discrete")
    ),
    *(Counterpart("mobile", engine, "webgl", "gpu", "", engine, "webgl", gpu="hardware") for engine in _PAGE_ENGINES),
)
"""Every published column that has cases of ours. The GPU backend of ONNX Runtime on phones is not named by the study,
so it has none.
"""
_AS_PUBLISHED = {
    name: axis.default for name, axis in AXES.items() if axis.default is not None and name not in ("precision", "batch")
}
"""Axes in which a case must have its default: cores, caches, network, loader and compression."""


@dataclass(frozen=True)
class Beside:
    """One case of ours with the published cells that are about it."""

    target: TargetSummary
    case: CaseSummary
    cells: Mapping[Stage, Latency]

    def ratio(self, stage: Stage) -> float | None:
        """Ours over the published time; None if one of them is missing."""
        own, cell = self.case.stages.get(stage), self.cells.get(stage)
        return own.value / cell.latency_ms if own and cell and cell.latency_ms else None

    def interval(self, stage: Stage) -> Interval | None:
        """95 % interval of the ratio, from ours alone: the study gives none."""
        own, cell = self.case.stages.get(stage), self.cells.get(stage)
        if own is None or own.interval is None or cell is None or not cell.latency_ms:
            return None
        return Interval(own.interval.low / cell.latency_ms, own.interval.high / cell.latency_ms)


@dataclass(frozen=True)
class SharesBeside:
    """A kernel's share of ours with the published one."""

    table: KernelTable
    way: Case
    cell: KernelShare
    own: float
    """Share from 0 to 1."""

    @property
    def ratio(self) -> float | None:
        """Ours over the published share; None if the study gives none."""
        return 100 * self.own / self.cell.share_percent if self.cell.share_percent else None


@dataclass(frozen=True)
class Condition:
    """What was measured under, on both sides."""

    what: str
    own: str
    published: str


@dataclass(frozen=True)
class Comparison:
    """A run beside a reference."""

    reference: Reference
    rows: tuple[Beside, ...]
    shares: tuple[SharesBeside, ...]
    conditions: tuple[Condition, ...]
    """Differences of versions, hardware and method."""
    alone: tuple[tuple[TargetSummary, CaseSummary, str], ...]
    """Cases of ours without a counterpart, with the reason."""
    unmatched: tuple[tuple[str, int], ...]
    """Published columns and files without a case of ours, with the number of their cells."""


def compare(summary: RunSummary, reference: Reference) -> Comparison:
    """Set a run beside a reference."""
    index = {_place(cell): cell for cell in reference.latency}
    rows: list[Beside] = []
    alone: list[tuple[TargetSummary, CaseSummary, str]] = []
    for target in summary.targets:
        for case in target.cases:
            if not case.timed:
                continue
            found = counterpart(target.info.kind, case.case)
            cells = _cells(found, case.case, index) if isinstance(found, Counterpart) else {}
            if cells:
                rows.append(Beside(target, case, cells))
            else:
                reason = found if isinstance(found, str) else f"the study has no model {case.case.model} there"
                alone.append((target, case, reason))
    shares = tuple(_shares(summary, reference))
    return Comparison(
        reference=reference,
        rows=tuple(rows),
        shares=shares,
        conditions=tuple(_conditions(summary, reference, rows)),
        alone=tuple(alone),
        unmatched=tuple(_unmatched(summary, reference, rows, shares)),
    )


def counterpart(kind: TargetKind, case: Case) -> Counterpart | str:
    """The published column that is about a case, or why there is none, as a clause."""
    if kind not in HOSTS:
        return "the study's devices are known, and this one is not"
    if case.precision != "fp32":
        return f"the study's numbers are taken as float32, and this case is {case.precision}"
    if case.batch != 1:
        return f"the study has no batch of {case.batch}"
    for name, usual in _AS_PUBLISHED.items():
        if getattr(case, name) != usual:
            return f"the study has no {AXES[name].title} {getattr(case, name)}"
    found = next((one for one in COUNTERPARTS if one.fits(kind, case)), None)
    if found:
        return found
    if case.gpu == "software":
        return "the CPU took the place of a GPU"
    if case.backend == "webgl" and case.gpu == "hardware":
        return "the study tells integrated from discrete GPUs, and this case does not say which it had"
    return f"the study has no {case.way} on a {'PC' if HOSTS[kind] == 'pc' else 'phone'}"


_Place = tuple[str, ...]


def _place(cell: Latency) -> _Place:
    where = (cell.host, cell.framework, cell.backend, cell.processor, cell.setting)
    return *where, cell.browser, cell.model, cell.stage


def _cells(found: Counterpart, case: Case, index: Mapping[_Place, Latency]) -> dict[Stage, Latency]:
    where = (found.host, found.framework, found.backend, found.processor, found.setting, case.browser or "", case.model)
    places = {stage: (*where, stage) for stage in STAGES}
    return {stage: index[place] for stage, place in places.items() if place in index}


def _shares(summary: RunSummary, reference: Reference) -> Iterable[SharesBeside]:
    for table in kernel_tables(summary):
        if table.engine.partition("@")[0] != "tfjs":
            continue
        for way in table.ways:
            found = counterpart(table.target.info.kind, way)
            if isinstance(found, str):
                continue
            where = (found.host, table.browser, table.stage, found.backend, found.setting)
            for cell in reference.kernel_shares:
                own = table.share(way, cell.kernel)
                if own is not None and where == (cell.host, cell.browser, cell.stage, cell.backend, cell.setting):
                    yield SharesBeside(table, way, cell, own)


def _conditions(summary: RunSummary, reference: Reference, rows: Sequence[Beside]) -> Iterable[Condition]:
    own = _own_conditions(summary, rows)
    for stated in reference.declared.measured:
        if stated.what in own or not stated.what.startswith("version of "):
            yield Condition(stated.what, own.get(stated.what, "not known"), stated.value)
    for target in dict.fromkeys(row.target.info.id for row in rows):
        info = next(one for one in summary.targets if one.info.id == target)
        host = HOSTS[info.info.kind]
        virtual = ", virtual: the numbers are those of the computer that ran it" if info.info.virtual else ""
        described = f"{info.info.name} ({info.soc}), {info.info.cores} cores, {info.info.os}{virtual}"
        yield Condition(f"hardware: {target}", described, reference.declared.hardware.get(host, "not stated"))


def _own_conditions(summary: RunSummary, rows: Sequence[Beside]) -> dict[str, str]:
    """What the proof of these cases says, by the names that references use."""
    answers = [(row.case, row.case.measurement) for row in rows]
    found: dict[str, list[str]] = {}

    def add(what: str, value: object) -> None:
        values = found.setdefault(what, [])
        if value is not None and str(value) not in values:
            values.append(str(value))

    for case, answer in answers:
        add("threads", threads_label(case.case.threads))
        if answer is None:
            continue
        add(f"version of {case.case.engine.partition('@')[0]}", answer.version)
        if case.case.browser:
            add(f"version of {case.case.browser.partition('@')[0]}", answer.proof.browser_version)
            add("downloads of pages", answer.proof.download_path)
    for model in dict.fromkeys(row.case.case.model for row in rows):
        add("weights", summary.info.weights.get(model))
    add("number format", "float32")
    add("number of a cell", "geometric mean of the block medians")
    add("interval", "95 %, from three blocks on")
    counts = sorted({len(row.case.counted) for row in rows if row.case.counted})
    if counts:
        add("repetitions", f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}")
        found["repetitions"] = [f"{found['repetitions'][0]} blocks, each in a fresh process or page"]
    return {what: ", ".join(values) or "not known" for what, values in found.items()}


def _unmatched(
    summary: RunSummary, reference: Reference, rows: Sequence[Beside], shares: Sequence[SharesBeside]
) -> Iterable[tuple[str, int]]:
    shown = {_place(cell) for row in rows for cell in row.cells.values()}
    left = [cell for cell in reference.latency if _place(cell) not in shown]
    columns = Counter(
        " ".join(filter(None, (f"table {c.table}:", c.framework, c.backend, c.processor, c.setting, c.browser, c.host)))
        for c in left
    )
    yield from columns.items()
    beside = {one.cell for one in shares}
    kernels = Counter(
        " ".join(filter(None, (f"table {c.table}: kernels in", c.stage, c.backend, c.setting, c.browser, c.host)))
        for c in reference.kernel_shares
        if c not in beside
    )
    yield from kernels.items()
    listed = {"other"} if page_scenarios(summary) else {"other", "pages"}
    for file in reference.declared.files:
        if file.kind in listed:
            yield f"{file.name}: {file.holds}", reference.rows[file.name]
