"""Measures one block: setup, warmup and predictions, with the proof of how they ran.

The answer is the JSON of a measurement, in the schema that the native runner and the pages also use.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilebench.engines.tensorflow_worker import memory, network, system
from mobilebench.engines.tensorflow_worker.options import FAILED, UNSUPPORTED, Input, Options, Problem, words

if TYPE_CHECKING:
    from mobilebench.core.records import Kernel, Measurement, MemoryUse, OutputSummary, Proof


@dataclass
class Block:
    """What has been measured so far; complete when no error was raised."""

    options: Options
    clock: system.ClockFacts = field(default_factory=system.clock_facts)
    features: list[str] = field(default_factory=system.cpu_features)
    version: str | None = None
    files: list[Path] = field(default_factory=list)
    """Model files and libraries that were loaded."""
    model_access: str | None = None
    model_resident: float | None = None
    library_resident: float | None = None
    setup_ms: dict[str, float] = field(default_factory=dict)
    warmup_ms: list[float] = field(default_factory=list)
    prediction_ms: list[float] = field(default_factory=list)
    costs: dict[str, system.Cost] = field(default_factory=dict)
    used: list[system.Thread] = field(default_factory=list)
    at_work: system.AtWork | None = None
    kept: system.ReadBack | None = None
    placement: network.Placement | None = None
    operators: list[network.Times] = field(default_factory=list)
    readings: list[memory.Reading] = field(default_factory=list)
    peak_rss_kb: int | None = None
    notes: list[str] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)


def measure(block: Block) -> None:
    """Measure the block. Results are stored in `block`, including those from before a problem.

    Raises:
        Problem: TensorFlow or this process cannot measure it.
    """
    try:
        _measure(block)
    except MemoryError:
        raise Problem("there is not enough memory", FAILED) from None
    except Problem:
        raise
    except Exception as error:  # TensorFlow raises errors of many types; the user needs its message
        raise Problem(words(error)) from error


def _measure(block: Block) -> None:
    options = block.options
    asked = system.cores_asked(options.affinity)
    system.take_cores(asked, options.priority)
    _cache(block)
    began = system.now_ms()
    watch = memory.MemorySampler(lambda: system.now_ms() - began, options.memory_period_ms)
    if options.pass_ == "memory":
        watch.start()
    stages = _Stages(block, watch)
    runtime, model = _set_up(block, stages)
    model.feed({one.name: filled(one, position) for position, one in enumerate(options.inputs)})
    profile = network.Profile(runtime.tf, options.scratch) if options.pass_ == "kernels" else None
    with profile.running() if profile else nullcontext():
        _predict(block, model, stages, profile)
    if options.pass_ == "memory":
        block.readings = watch.stop()
        block.peak_rss_kb = memory.peak_rss_kb(block.readings)
    block.at_work = system.at_work(block.used, {os.getpid(), watch.thread})
    block.operators = profile.found if profile else []
    block.kept = system.read_cores(asked)
    _prove(block, model)


class _Stages:
    """Times and costs by stage and part."""

    def __init__(self, block: Block, watch: memory.MemorySampler) -> None:
        self._block = block
        self._watch = watch
        self._before = system.cost_now()
        self._started = system.now_ms()

    def part_ended(self, part: str) -> None:
        """Note that a part of setup has ended. It began when the part before it ended."""
        self._block.setup_ms[part] = system.now_ms() - self._started
        self._reading(part)
        self._started = system.now_ms()

    def stage_ended(self, stage: str) -> None:
        self._block.costs[stage] = system.cost_now().since(self._before)
        if stage != "setup":
            self._reading(stage)

    def stage_begins(self) -> None:
        self._before = system.cost_now()

    def _reading(self, name: str) -> None:
        if self._block.options.pass_ == "memory":
            self._watch.stage_ended(name)


def _cache(block: Block) -> None:
    """Prepare the page cache as the options say, and read back its state."""
    model, libraries = _model_files(block.options), network.installed()
    try:
        memory.prepare_page_cache([*model, *libraries], block.options.page_cache)
        block.model_resident = memory.resident(model)
        block.library_resident = memory.resident(libraries)
    except OSError as error:
        raise Problem(f"{error.filename or 'a file'} cannot be read: {error.strerror}") from error


def _set_up(block: Block, stages: _Stages) -> tuple[network.Runtime, network.Network]:
    options = block.options
    runtime = network.start(options)
    block.version = runtime.version
    stages.part_ended("library_load")
    model = network.Network(runtime, options.model.parent)
    stages.part_ended("model_read")
    model.open(options)
    stages.part_ended("session_creation")
    stages.stage_ended("setup")
    read = _model_files(options)
    block.model_access = "mapped" if set(read) & set(network.mapped()) else "read"
    block.files = [*read, *network.libraries()]
    return runtime, model


def _predict(block: Block, model: network.Network, stages: _Stages, profile: network.Profile | None) -> None:
    options = block.options

    def once() -> float:
        started = system.now_ms()
        answer = profile.step(model.predict) if profile else model.predict()
        ended = system.now_ms()
        if options.answer == "last" or not block.answer:
            block.answer = answer
        return ended - started

    stages.stage_begins()
    block.warmup_ms.append(once())
    stages.stage_ended("warmup")
    stages.stage_begins()
    before = system.read_threads()
    end = system.now_ms() + options.max_seconds * 1e3
    while len(block.prediction_ms) < options.max_predictions and (
        len(block.prediction_ms) < options.min_predictions or system.now_ms() < end
    ):
        block.prediction_ms.append(once())
    block.used = system.threads_since(before, system.read_threads())
    stages.stage_ended("prediction")


def _prove(block: Block, model: network.Network) -> None:
    block.placement = model.placement()
    intra, inter = model.threads()
    block.notes.append(
        f"TensorFlow's pools: {intra} threads for kernels, {inter} for the executor; the caller's thread waits for them"
    )
    block.notes.append(
        "operators were counted in the graph that TensorFlow had optimised, of a second instance of the function; "
        "soft placement was off"
    )


def filled(one: Input, position: int) -> Any:
    """The array of input number `position`.

    Raises:
        Problem: its file does not have the right size, or cannot be read.
    """
    import numpy as np

    from mobilebench.models import synthetic_inputs

    if one.kind != "file":
        return synthetic_inputs.filled_array(one.shape, one.dtype, position, kind=one.kind, low=one.low, high=one.high)
    assert one.file is not None
    dtype = np.dtype(one.dtype).newbyteorder("<")
    expected_bytes = int(np.prod(one.shape, dtype=np.int64)) * dtype.itemsize
    try:
        size = one.file.stat().st_size
        if size != expected_bytes:
            raise Problem(f"the input file {one.file} has {size} bytes, the tensor `{one.name}` has {expected_bytes}")
        return np.fromfile(one.file, dtype=dtype).reshape(one.shape).astype(one.dtype, copy=False)
    except OSError as error:
        raise Problem(f"the input file {one.file} cannot be read: {error.strerror}") from error


def _model_files(options: Options) -> list[Path]:
    """The SavedModel's graph and its variables.

    Raises:
        Problem: there is no graph.
    """
    model = options.model.resolve()
    if not model.is_file():
        raise Problem(f"the model file {options.model} cannot be read")
    return [model, *sorted(file for file in (model.parent / "variables").glob("*") if file.is_file())]


ENGINE = "tensorflow"

_ENVIRONMENT = ("CUDA_VISIBLE_DEVICES", "TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL", "OMP_NUM_THREADS")
"""Environment variables on which times depend."""


def answer_json(block: Block | None, problem: Problem | None, pass_asked: str) -> str:
    """The measurement as one line of JSON."""
    return measurement(block, problem, pass_asked).model_dump_json(by_alias=True, exclude_none=True)


def measurement(block: Block | None, problem: Problem | None, pass_asked: str) -> Measurement:
    """What was measured, or why it was not. `block` is None when even the arguments were unusable."""
    from mobilebench.core.records import MEASUREMENT_SCHEMA, Measurement

    header = {"schema": MEASUREMENT_SCHEMA, "engine": ENGINE, "pass": pass_asked}
    if problem is not None:
        status = "unsupported" if problem.exit_code == UNSUPPORTED else "error"
        version = block.version if block else None
        return Measurement.model_validate({**header, "status": status, "reason": problem.reason, "version": version})
    assert block is not None
    return Measurement.model_validate(
        {
            **header,
            "status": "ok",
            "version": block.version,
            "proof": _proof(block),
            "setup_ms": block.setup_ms,
            "warmup_ms": block.warmup_ms,
            "prediction_ms": block.prediction_ms,
            "cost": {stage: asdict(spent) for stage, spent in block.costs.items()},
            "kernels": _kernels(block),
            "memory": _memory(block),
            "output": _outputs(block),
        }
    )


def _proof(block: Block) -> Proof:
    from mobilebench.core.records import DelegateShare, FileProof, Proof

    options, placement, kept = block.options, block.placement, block.kept
    assert placement is not None
    assert kept is not None
    assert block.at_work is not None
    return Proof.model_validate(
        {
            "files": [FileProof(name=str(file), bytes=file.stat().st_size) for file in block.files],
            "backend": placement.backend,
            "threads": block.at_work.computing or None,
            "threads_source": block.at_work.source,
            "threads_alive": block.at_work.alive,
            "thread_cpu_ms": [thread.cpu_ms for thread in block.used],
            "graph_nodes": sum(placement.nodes.values()),
            "delegates": [DelegateShare(name=kind, nodes=count) for kind, count in sorted(placement.nodes.items())],
            "cpu_features": block.features,
            "affinity_asked": options.affinity,
            "affinity": kept.cores,
            "affinity_kept": kept.kept,
            "cpuset": kept.cpuset,
            "priority": kept.priority,
            "model_access": block.model_access,
            "caches_asked": options.page_cache,
            "model_resident": block.model_resident,
            "library_resident": block.library_resident,
            "clock_resolution_ms": block.clock.resolution_ms,
            "clock_cost_ms": block.clock.cost_ms,
            "environment": {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            "notes": block.notes,
        }
    )


def _kernels(block: Block) -> list[Kernel]:
    from mobilebench.core.records import Kernel

    predictions = len(block.prediction_ms)
    return [
        Kernel(
            name=one.name,
            provider=one.provider,
            warmup_ms=one.values.get(0),
            times_ms=[one.values.get(step, 0.0) for step in range(1, predictions + 1)],
        )
        for one in block.operators
    ]


def _memory(block: Block) -> MemoryUse | None:
    from mobilebench.core.records import MemoryReading, MemoryUse

    if block.options.pass_ != "memory":
        return None
    return MemoryUse(
        peak_rss_kb=block.peak_rss_kb,
        period_ms=block.options.memory_period_ms,
        readings=[MemoryReading(**asdict(reading)) for reading in block.readings],
        notes=["the Python interpreter and TensorFlow are part of it"],
    )


def _outputs(block: Block) -> list[OutputSummary]:
    from mobilebench.models import synthetic_inputs

    return [
        synthetic_inputs.summarise(name, block.answer[name], block.options.samples) for name in block.options.outputs
    ]
