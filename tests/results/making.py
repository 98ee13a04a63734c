"""Hypothesis strategies and plain examples of records."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import strategies as st

from mobilebench.core.errors import Fault
from mobilebench.core.records import (
    Block,
    BlockRule,
    Case,
    Compilation,
    Conditions,
    DelegateShare,
    EnergyWindow,
    FileProof,
    Gate,
    GateKey,
    GateLimits,
    GateReading,
    GraphOperators,
    Kernel,
    KernelMemory,
    Measurement,
    MemoryReading,
    MemoryUse,
    OutputSummary,
    PageMemory,
    PlannedBlock,
    Proof,
    Reason,
    RunInfo,
    Sample,
    Series,
    StageCost,
    Stopped,
    TargetInfo,
    Verdict,
)
from mobilebench.results.places import Where
from mobilebench.results.store import Store

START = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_number = st.floats(allow_nan=False, allow_infinity=False)
_milliseconds = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
_instants = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC]),
)
_parts = st.sampled_from(["library_load", "model_read", "session_creation", "model_download", "framework_init"])


def host(**changes: object) -> TargetInfo:
    values: dict[str, object] = {
        "id": "host",
        "kind": "host",
        "machine": "0123456789ab",
        "name": "this computer",
        "soc": "Some CPU",
        "os": "Linux",
        "abi": "x86_64",
        "runner": "linux-x86_64",
        "cores": 2,
        "gpu_software": True,
        "browsers": {"chrome": "156.0"},
    }
    return TargetInfo.model_validate({**values, **changes})


def phone(serial: str = "R58M", **changes: object) -> TargetInfo:
    return host(
        **{
            "id": serial,
            "kind": "android",
            "machine": serial,
            "soc": "Snapdragon 888",
            "runner": "android-arm64-v8a",
            "cores": 8,
            "gpu_software": False,
            **changes,
        }
    )


def case(**changes: object) -> Case:
    values: dict[str, Any] = {"target": "host", "engine": "tflite", "backend": "cpu", "threads": 2, "model": "m"}
    if "engine" not in changes:
        values |= {"delegate": "xnnpack", "arithmetic": "fp32"}
    return Case(**{**values, **changes})


def planned(index: int = 0, round: int = 0, **changes: object) -> PlannedBlock:  # noqa: A002
    return PlannedBlock(index=index, round=round, case=case(**changes), rule=BlockRule())


def run_info(run_id: str = "20261121-120000-ab12", *targets: TargetInfo, at: datetime = START) -> RunInfo:
    return RunInfo(
        id=run_id,
        created_at=at,
        mobilebench_version="0.1.0",
        suite="quick",
        suite_definition={"title": "Quick", "blocks": 2},
        seed=7,
        command=["mobilebench", "run"],
        targets=list(targets) or [host()],
        weights={"m": "seeded"},
    )


def measurement(**changes: object) -> Measurement:
    values: dict[str, object] = {
        "schema": "mobilebench/measurement/1",
        "status": "ok",
        "engine": "tflite",
        "version": "2.18.0",
        "setup_ms": {"library_load": 3.5, "session_creation": 1.25},
        "warmup_ms": [9.0],
        "prediction_ms": [4.0, 3.75, 4.25],
    }
    return Measurement.model_validate({**values, **changes})


PROVEN = {
    "backend": "cpu",
    "threads": 2,
    "threads_source": "CPU time",
    "thread_cpu_ms": [50.0, 48.0],
    "clock_resolution_ms": 1e-6,
    "delegates": [{"name": "TfLiteXNNPackDelegate", "nodes": 60}],
}
"""Proof with which a block of `case()` is valid."""


def measured(block: PlannedBlock, **changes: object) -> Block:
    return Block(
        planned=block,
        outcome="measured",
        measurement=measurement(**changes),
        verdict=Verdict(status="valid"),
        recorded_verdict=Verdict(status="valid"),
        started_at=START,
        ended_at=START + timedelta(seconds=2),
        spent_ms={"launch": 12.0, "measure": 25.75, "gate": 500.0},
    )


def failed(block: PlannedBlock, reason: str = "the runner died", fault: Fault | None = None) -> Block:
    return Block(planned=block, outcome="failed", reason=reason, fault=fault, started_at=START, ended_at=START)


def unsupported(block: PlannedBlock, reason: str = "there is no GPU") -> Block:
    return Block(planned=block, outcome="unsupported", reason=reason, started_at=START, ended_at=START)


_counts = st.integers(0, 2**40)
_shares = st.floats(0, 1)
_passes = st.sampled_from(["timing", "kernels", "memory"])
_caches = st.sampled_from(["as found", "cold", "warm"])
_proofs = st.builds(
    Proof,
    files=st.lists(st.builds(FileProof, name=_text, sha256=st.none() | _text, bytes=st.none() | st.integers(0, 2**40))),
    threads=st.none() | st.integers(0, 64),
    thread_cpu_ms=st.lists(_milliseconds, max_size=4),
    delegates=st.lists(st.builds(DelegateShare, name=_text, nodes=st.integers(0, 1000)), max_size=2),
    visible=st.none() | st.booleans(),
    environment=st.dictionaries(_text, _text, max_size=2),
    renderer=st.none() | _text,
    affinity_asked=st.none() | _text,
    affinity=st.none() | st.lists(st.integers(0, 64), max_size=4),
    affinity_kept=st.none() | st.booleans(),
    cpuset=st.none() | _text,
    priority=st.none() | st.integers(-20, 19),
    model_access=st.none() | st.sampled_from(["read", "mapped"]),
    caches_asked=st.none() | _caches,
    model_resident=st.none() | _shares,
    library_resident=st.none() | _shares,
)
_kernels = st.builds(
    Kernel,
    name=_text,
    node=st.none() | st.integers(0, 10_000),
    provider=st.none() | _text,
    collapsed=st.booleans(),
    warmup_ms=st.none() | _milliseconds,
    times_ms=st.lists(_milliseconds, max_size=3),
)
_costs = st.builds(
    StageCost,
    user_ms=_milliseconds,
    system_ms=_milliseconds,
    minor_faults=_counts,
    major_faults=_counts,
    voluntary_switches=_counts,
    involuntary_switches=_counts,
)
_readings = st.builds(
    MemoryReading,
    at_ms=_milliseconds,
    stage=st.none() | _text,
    rss_kb=_counts,
    pss_kb=st.none() | _counts,
    uss_kb=st.none() | _counts,
    anonymous_kb=st.none() | _counts,
    file_kb=st.none() | _counts,
)
_bytes = st.integers(0, 2**53 - 1)
_page_memory = st.builds(
    PageMemory,
    at_ms=_milliseconds,
    stage=st.text(max_size=40).filter(str.isprintable),
    **{name: st.none() | _bytes for name in PageMemory.model_fields if name not in ("at_ms", "stage")},
)
_kernel_memory = st.builds(
    KernelMemory,
    name=st.text(max_size=40).filter(str.isprintable),
    bytes_added=st.integers(-(2**53) + 1, 2**53 - 1),
    total_bytes=_bytes,
    wasm_heap_bytes=st.none() | _bytes,
    performance_memory_bytes=st.none() | _bytes,
)
_memory = st.builds(
    MemoryUse,
    page=st.lists(_page_memory, max_size=2),
    kernels=st.lists(_kernel_memory, max_size=2),
    peak_rss_kb=st.none() | _counts,
    period_ms=st.none() | _milliseconds,
    readings=st.lists(_readings, max_size=3),
    graphics_kb=st.none() | _counts,
    notes=st.lists(_text, max_size=2),
)
_outputs = st.builds(
    OutputSummary,
    name=_text,
    shape=st.lists(st.integers(0, 4096), max_size=4),
    l1=_number,
    l2=_number,
    max=_number,
    digest=_text,
    sample=st.builds(Sample, index=st.lists(st.integers(0, 2**40)), value=st.lists(_number)),
)
_measurements = st.builds(
    Measurement,
    schema=st.just("mobilebench/measurement/1"),
    status=st.just("ok"),
    engine=_text,
    version=st.none() | _text,
    proof=_proofs,
    setup_ms=st.dictionaries(_parts, _milliseconds),
    warmup_ms=st.lists(_milliseconds, max_size=3),
    prediction_ms=st.lists(_milliseconds, max_size=30),
    readback_ms=st.lists(_milliseconds, max_size=3),
    compilation=st.dictionaries(
        st.sampled_from(["setup", "warmup", "prediction"]),
        st.builds(Compilation, shaders=_counts, pipelines=_counts, ms=_milliseconds),
    ),
    pass_=_passes,
    predictions_per_sample=st.integers(1, 1000),
    cost=st.dictionaries(st.sampled_from(["setup", "warmup", "prediction"]), _costs),
    kernels=st.lists(_kernels, max_size=3),
    graph=st.lists(
        st.builds(
            GraphOperators, operator=_text, count=_counts, parameters=_counts, macs=st.none() | st.integers(0, 2**62)
        ),
        max_size=2,
    ),
    memory=st.none() | _memory,
    output=st.lists(_outputs, max_size=2),
)
_reasons = st.builds(Reason, code=_text, sentence=_text)
_series = st.builds(
    Series,
    recorder=_text,
    name=_text,
    unit=_text,
    times_ms=st.lists(_number, max_size=3),
    values=st.lists(_number),
    reason=st.none() | _text,
)


_gate_keys = st.sampled_from(get_args(GateKey))
_gates = st.builds(
    Gate,
    outcome=st.sampled_from(["open", "marked", "skipped"]),
    waited_ms=_milliseconds,
    readings=st.lists(
        st.builds(
            GateReading,
            key=_gate_keys,
            source=_text,
            unit=_text,
            value=st.none() | _number,
            limit=_number,
            reason=st.none() | _text,
        ),
        max_size=2,
    ),
)
_stopped = st.builds(
    Stopped,
    started_at=_instants,
    ended_at=_instants,
    source=_text,
    celsius=_number,
    limit=_number,
    series=st.lists(_series, max_size=1),
)


@st.composite
def planned_blocks(draw: st.DrawFn, index: int) -> PlannedBlock:
    """Any block that a plan could hold."""
    changes = {"affinity": draw(st.sampled_from(["none", "0xf0"])), "caches": draw(_caches)}
    conditions = Conditions(
        priority=draw(st.integers(-20, 19)),
        model_access=draw(st.sampled_from(["read", "mapped"])),
        delegated_share=draw(_shares),
        gates=draw(st.sampled_from([None, GateLimits(temperature=38.0, status=0, wait=60.0, otherwise="skip")])),
    )
    return planned(index, **changes).model_copy(update={"pass_": draw(_passes), "conditions": conditions})


@st.composite
def blocks_of(draw: st.DrawFn, block: PlannedBlock) -> Block:
    """Any block that a session could store for this plan entry."""
    outcome = draw(st.sampled_from(["measured", "unsupported", "failed"]))
    shared = {
        "planned": block,
        "outcome": outcome,
        "started_at": draw(_instants),
        "ended_at": draw(_instants),
        "spent_ms": draw(st.dictionaries(st.sampled_from(["push", "launch", "gate"]), _milliseconds)),
        "series": draw(st.lists(_series, max_size=2)),
        "gate": draw(st.none() | _gates),
        "stopped": draw(st.lists(_stopped, max_size=2)),
    }
    if outcome != "measured":
        fault = draw(st.sampled_from([None, *get_args(Fault)])) if outcome == "failed" else None
        return Block.model_validate({**shared, "reason": draw(_text), "fault": fault})
    status = draw(st.sampled_from(["valid", "suspect", "invalid"]))
    verdict = draw(st.builds(Verdict, status=st.just(status), reasons=st.lists(_reasons), rules=st.none() | _counts))
    return Block.model_validate({**shared, "measurement": draw(_measurements), "recorded_verdict": verdict})


def with_short_idle() -> PlannedBlock:
    """A block for recorders, of which that of energy leaves its target idle for a moment only."""
    energy = EnergyWindow(seconds=1.0, idle_seconds=0.1)
    return planned().model_copy(update={"conditions": Conditions(energy=energy)})


def errors_of_opening_at_once(where: Where) -> list[BaseException]:
    """What went wrong when six threads opened a store at the same time."""
    errors: list[BaseException] = []

    def open_it() -> None:
        try:
            Store.open(where).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
