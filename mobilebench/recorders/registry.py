"""Every recorder by name, and the choice of recorders for a block."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Measurement, Pass, PlannedBlock, RecordRequest, Series, TargetInfo
from mobilebench.recorders import (
    battery,
    clocks,
    cpu,
    current,
    gpu,
    kernels,
    load,
    memory,
    ram,
    rapl,
    thermal,
    timing,
    trace,
    zones,
)
from mobilebench.recorders.base import Declaration, EngineFacts, Observable, Recorder
from mobilebench.recorders.energy import quantities
from mobilebench.recorders.energy import recorder as energy
from mobilebench.recorders.in_engine import EngineRecorder
from mobilebench.recorders.lifecycle import without_values
from mobilebench.recorders.reading import ReadingRecorder

Factory = Callable[[float | None], Recorder]
"""Makes a fresh recorder. Its argument: seconds between two samples, or None for a reading before and after a block."""

READERS: dict[str, Factory] = {
    **{
        one.DECLARATION.name: one.recorder
        for one in (battery, thermal, load, clocks, zones, cpu, ram, gpu, current, rapl)
    },
    quantities.RECORDER: energy.recorder,
}
"""Recorders that read the target. Those that cost nothing during a block read before and after each block; `--record`
asks for readings during it. That of energy has blocks of its own, and is the last one, so that others do not read in
its idle times."""

_TIMED_PASSES: tuple[Pass, ...] = ("recording", quantities.PASS)
"""Passes of `READERS`, whose blocks engines measure as timing blocks."""

IN_ENGINE: dict[str, EngineRecorder] = {
    one.name: one for one in (timing.RECORDER, kernels.RECORDER, memory.RECORDER, trace.RECORDER)
}
"""Recorders that run inside the engine. Each has a pass of its name; passes are measured in this order."""

LEAST_INTERVAL_MS, MOST_INTERVAL_MS = 50.0, 3_600_000.0
_REQUEST = re.compile(r"(\w+)(?:@(\d+(?:\.\d+)?)(ms|s|min))?")
_UNITS_MS = {"ms": 1.0, "s": 1000.0, "min": 60_000.0}


def passes() -> tuple[Pass, ...]:
    """Every pass, in the order in which passes are measured and shown: the passes of `IN_ENGINE`, `recording` for
    blocks with recorders of `READERS` that were asked for by name, and `energy` for that of energy."""
    return (*IN_ENGINE, *_TIMED_PASSES)


def declarations() -> dict[str, Declaration]:
    """What every recorder declares, by name."""
    return {
        **{name: one.declaration for name, one in IN_ENGINE.items()},
        **{name: make(None).declaration for name, make in READERS.items()},
    }


def request(text: str) -> RecordRequest:
    """Parse an argument of `--record`: `thermal@1s`, `load@250ms`, or only a name if the recorder needs no interval.

    Raises:
        BadInput: it is not such a request, there is no such recorder, or the interval is missing or not allowed.
    """
    declared = {name: make(None).declaration for name, make in READERS.items()}
    known = {name: one for name, one in declared.items() if one.sampled or one.own_blocks}
    found = _REQUEST.fullmatch(text)
    if found is None:
        raise BadInput(f"`{text}` is not NAME@INTERVAL.", hint="Write it like thermal@1s or load@250ms.")
    name = found[1]
    if name not in known:
        raise BadInput(f"No recorder `{name}` can be requested; available are {', '.join(known)}.")
    if found[2] is None:
        if known[name].sampled:
            raise BadInput(f"The recorder {name} needs an interval.", hint=f"Write it like {name}@1s.")
        return RecordRequest(recorder=name)
    if not known[name].sampled:
        raise BadInput(f"The recorder {name} takes no interval.", hint=f"Write --record {name}.")
    interval_ms = float(found[2]) * _UNITS_MS[found[3]]
    if not LEAST_INTERVAL_MS <= interval_ms <= MOST_INTERVAL_MS:
        raise BadInput(f"The interval of `{text}` is not from {LEAST_INTERVAL_MS:g} ms to 60 min.")
    return RecordRequest(recorder=name, interval_ms=interval_ms)


class TargetRecorders:
    """The recorders of one target. The objects are kept for all its blocks, so that one that hangs is given up."""

    def __init__(self, readers: Mapping[str, Factory] | None = None) -> None:
        self._readers = dict(READERS if readers is None else readers)
        self._made: dict[tuple[str, float | None], Recorder] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all recorders."""
        return tuple(self._readers)

    def only(self, names: Collection[str]) -> TargetRecorders:
        """Only the recorders with these names."""
        return TargetRecorders({name: make for name, make in self._readers.items() if name in names})

    def of(self, target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> tuple[list[Recorder], list[Series]]:
        """The recorders for this block, and an empty series with the reason for each requested one that cannot work."""
        intervals = {one.recorder: _seconds(one) for one in block.conditions.record}
        able: list[Recorder] = []
        refused: list[Series] = []
        for name in self._readers:
            recorder = self._recorder(name, intervals.get(name))
            if recorder.declaration.own_blocks and name not in intervals:
                continue
            reason = _why_not(recorder, target, block, engine)
            if reason is None:
                able.append(recorder)
            elif name in intervals:
                refused += without_values(recorder, reason)
        return able, refused

    def _recorder(self, name: str, interval_s: float | None) -> Recorder:
        key = (name, interval_s)
        if key not in self._made:
            self._made[key] = self._readers[name](interval_s)
        return self._made[key]


def of_pass(pass_: Pass) -> EngineRecorder:
    """The engine's recorder for blocks of this pass."""
    return IN_ENGINE.get(pass_, timing.RECORDER)


def missing(measurement: Measurement, pass_: Pass) -> str | None:
    """What a measurement lacks, or has in excess, for its pass, as a clause; None when it is complete."""
    return of_pass(pass_).missing(measurement)


def ordered(some: Collection[str]) -> list[Pass]:
    """These passes in the order in which they are measured and shown; passes of another release come last."""
    known = [name for name in passes() if name in some]
    return [*known, *sorted(set(some) - set(known))]


def passes_of(engine: EngineFacts, block: PlannedBlock | None = None) -> list[Pass]:
    """The passes that an engine has, in their order; with `block`, only those that this block can have."""
    has = [one for one in IN_ENGINE.values() if one.why_no_pass(engine) is None]
    return [one.name for one in has if block is None or one.why_not(block) is None]


def why_no_pass(target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> str | None:
    """Why the pass of a block cannot be recorded, as a clause; None when it can."""
    if block.pass_ in _TIMED_PASSES:
        return why_not_recorded(target, block, engine)
    return _why_not(of_pass(block.pass_), target, block, engine)


def why_not_recorded(target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> str | None:
    """Why a block of the pass `recording` would record nothing; None when at least one of its recorders can record."""
    reasons = []
    for one in block.conditions.record:
        reason = _why_not(READERS[one.recorder](_seconds(one)), target, block, engine)
        if reason is None:
            return None
        reasons.append(f"{one.recorder} cannot be recorded: {reason}")
    return "; ".join(reasons) or "no recorder was asked for"


def why_not_now(target: Observable, block: PlannedBlock) -> str | None:
    """Why a block of the pass `energy` would record nothing, as the target is now; None if it can, and for others."""
    if block.pass_ != quantities.PASS or block.conditions.energy is None:
        return None
    return energy.recorder().why_not_now(target, block.conditions.energy)


def reads_processes(block: PlannedBlock) -> bool:
    """Whether a recorder of this block reads the processes that measure."""
    made = (READERS[one.recorder](_seconds(one)) for one in block.conditions.record if one.recorder in READERS)
    return any(isinstance(one, ReadingRecorder) and one.source.of_processes for one in made)


def _why_not(recorder: Recorder, target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> str | None:
    try:
        return recorder.validate(target, block, engine)
    except Exception as error:
        return f"the recorder has a defect ({type(error).__name__}: {error})"


def _seconds(one: RecordRequest) -> float | None:
    return None if one.interval_ms is None else one.interval_ms / 1000


def in_words(requests: Sequence[RecordRequest]) -> str:
    """The requests in words, such as `thermal every 1 s and load every 0.25 s`."""
    return " and ".join(
        one.recorder if one.interval_ms is None else f"{one.recorder} every {one.interval_ms / 1000:g} s"
        for one in requests
    )


def as_the_engine_sees_it(block: PlannedBlock) -> PlannedBlock:
    """The block as the engine measures it: for the engine, a block of `recording` or `energy` is a timing block."""
    return block.model_copy(update={"pass_": "timing"}) if block.pass_ in _TIMED_PASSES else block


def as_it_was_planned(measurement: Measurement, block: PlannedBlock) -> Measurement:
    """The opposite of `as_the_engine_sees_it`, with a note if recorders took samples during the block."""
    if not block.conditions.record:
        return measurement
    note = f"recorded while it was measured, which takes processor time: {in_words(block.conditions.record)}"
    proof = measurement.proof.model_copy(update={"notes": [*measurement.proof.notes, note]})
    changes = {"proof": proof, **({"pass_": block.pass_} if block.pass_ in _TIMED_PASSES else {})}
    return measurement.model_copy(update=changes)
