"""Measures one block: setup, warmup and predictions, with the proof of how they ran."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilebench.engines.tensorflow_worker import (
    cores,
    kernels,
    memory,
    network,
    pages,
    system,
)
from mobilebench.engines.tensorflow_worker.options import FAILED, Input, Options, Problem, words


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
    kept: cores.ReadBack | None = None
    placement: network.Placement | None = None
    operators: list[kernels.Times] = field(default_factory=list)
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
    asked = cores.asked(options.affinity)
    cores.take(asked, options.priority)
    _cache(block)
    began = system.now_ms()
    watch = memory.MemorySampler(lambda: system.now_ms() - began, options.memory_period_ms)
    if options.pass_ == "memory":
        watch.start()
    stages = _Stages(block, watch)
    runtime, model = _set_up(block, stages)
    model.feed({one.name: filled(one, position) for position, one in enumerate(options.inputs)})
    profile = kernels.Profile(runtime.tf, options.scratch) if options.pass_ == "kernels" else None
    with profile.running() if profile else nullcontext():
        _predict(block, model, stages, profile)
    block.peak_rss_kb = memory.peak_rss_kb()
    if options.pass_ == "memory":
        block.readings = watch.stop()
    block.at_work = system.at_work(block.used, {os.getpid(), watch.thread})
    block.operators = profile.found if profile else []
    block.kept = cores.read(asked)
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
        pages.prepare([*model, *libraries], block.options.page_cache)
        block.model_resident = pages.resident(model)
        block.library_resident = pages.resident(libraries)
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


def _predict(block: Block, model: network.Network, stages: _Stages, profile: kernels.Profile | None) -> None:
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
    wanted = int(np.prod(one.shape, dtype=np.int64)) * dtype.itemsize
    try:
        size = one.file.stat().st_size
        if size != wanted:
            raise Problem(f"the input file {one.file} has {size} bytes, the tensor `{one.name}` has {wanted}")
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
