"""Writes the JSON of a measurement, in the schema that the native runner and the pages also use."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from mobilebench.engines.tensorflow_worker.block import Block
from mobilebench.engines.tensorflow_worker.options import UNSUPPORTED, Problem

if TYPE_CHECKING:
    from mobilebench.core.records import Kernel, Measurement, MemoryUse, OutputSummary, Proof

ENGINE = "tensorflow"

_ENVIRONMENT = ("CUDA_VISIBLE_DEVICES", "TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL", "OMP_NUM_THREADS")
"""Environment variables on which times depend."""


def answer(block: Block | None, problem: Problem | None, pass_asked: str) -> str:
    """The measurement as one line of JSON."""
    return measurement(block, problem, pass_asked).model_dump_json(by_alias=True, exclude_none=True)


def measurement(block: Block | None, problem: Problem | None, pass_asked: str) -> Measurement:
    """What was measured, or why it was not. `block` is None when even the arguments were unusable."""
    from mobilebench.core.records import MEASUREMENT_SCHEMA, Measurement

    said = {"schema": MEASUREMENT_SCHEMA, "engine": ENGINE, "pass": pass_asked}
    if problem is not None:
        status = "unsupported" if problem.exit_code == UNSUPPORTED else "error"
        version = block.version if block else None
        return Measurement.model_validate({**said, "status": status, "reason": problem.reason, "version": version})
    assert block is not None
    return Measurement.model_validate(
        {
            **said,
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
