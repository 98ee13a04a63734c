"""Models, answers and cells for the tests of verification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mobilebench.core.records import OutputSummary
from mobilebench.models.manifest import Fill, Format, FormatFile, InputSpec, Manifest
from mobilebench.models.synthetic_inputs import SEEDED, summarise
from mobilebench.verification.records import Answered, Cell, Difference
from tests.engines.web_cases import target_info

HERE = target_info()
FORMATS: tuple[Format, ...] = ("saved_model", "tflite", "onnx", "tfjs")


def values(seeded: str, size: int = 1000) -> np.ndarray[Any, Any]:
    """A reference answer; every seeded input has another one, and their largest value is about 3."""
    return np.random.default_rng(SEEDED.index(seeded)).normal(size=(1, size)).astype("float32")


def summaries(offset: float = 0.0, swap: Mapping[str, str] | None = None) -> dict[str, Sequence[OutputSummary]]:
    """The answers to all seeded inputs, each with one element `offset` off; `swap` takes another input's answer."""
    found = {}
    for name in SEEDED:
        answer = values((swap or {}).get(name, name))
        answer[0, 0] += offset
        found[name] = [summarise("logits", answer, 4096)]
    return found


def manifest(precision: str = "fp32", formats: Sequence[Format] = FORMATS, **changes: Any) -> Manifest:
    made = Manifest(
        model="net",
        precision=precision,
        batch=1,
        weights="seeded",
        seed=1,
        inputs=[InputSpec(name="x", dtype="float32", shape=[1, 4], fill=Fill(kind="uniform", low=-1, high=1))],
        outputs=["logits"],
        formats={
            name: FormatFile(
                path=f"net.{name}",
                sha256=f"{precision}-{name}",
                bytes=1,
                inputs={"x": "x"},
                outputs={"logits": "logits"},
            )
            for name in formats
        },
        reference=[summarise("logits", values("published"))],
        tolerance=1e-3,
        parameters=1,
        built_with={},
    )
    return made.model_copy(update=changes)


def cell(engine: str = "ortjs", backend: str = "wasm", choice: str = "simd-threads", format_: Format = "onnx") -> Cell:
    return Cell(model="net", precision="fp32", format=format_, engine=engine, backend=backend, choice=choice)


def answered(**changes: Any) -> Answered:
    made = Answered(
        cell=cell(),
        stamp="now",
        at=datetime.now(UTC),
        seconds=1.0,
        inputs=list(SEEDED),
        differences=[difference("published", 1e-6), difference("upper", 2e-6), difference("lower", 3e-6)],
        told_apart={"logits": 0.4},
    )
    return made.model_copy(update=changes)


def difference(seeded: str, relative: float | None, problem: str | None = None) -> Difference:
    return Difference(
        output="logits",
        seeded=seeded,
        absolute=relative,
        relative=relative,
        compared=1000,
        elements=1000,
        problem=problem,
    )
