"""EXAMPLE DATA: long blocks whose course a test chooses."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from mobilebench.core.records import Case, Gate, GateReading, PlannedBlock, Run, Series
from tests.analysis import example

TFLITE = example.case("host", "tflite", "xnnpack")
ORT = example.case("host", "onnxruntime", "")
PAGE = example.case("host", "tfjs", "simd-threads")
_SHAPES = {TFLITE: ("tflite", "xnnpack"), ORT: ("onnxruntime", ""), PAGE: ("tfjs", "simd-threads")}
SETUP_MS, WARMUP_MS = 900.0, 100.0

Course = Sequence[tuple[float, float]]
"""Seconds and the prediction (ms) during them."""
STEADY: Course = [(720, 20.0)]
THROTTLING: Course = [(60, 10.0), (480, 15.0), (180, 30.0)]
"""From 10 ms in the first minute to 30 ms in the last one."""


def predictions(course: Course) -> list[float]:
    return [ms for seconds, ms in course for _ in range(round(seconds * 1000 / ms))]


def series(recorder: str, name: str, unit: str, *values: float, minutes: float = 12) -> Series:
    """Readings at equal intervals, from the first prediction to this time."""
    step = minutes * 60_000 / (len(values) - 1)
    times = [SETUP_MS + WARMUP_MS + number * step for number in range(len(values))]
    return Series(recorder=recorder, name=name, unit=unit, interval_ms=step, times_ms=times, values=list(values))


HEAT = (
    series("thermal", "skin", "°C", 31.0, 36.0, 41.0, 45.0, 46.0),
    series("thermal", "cpu", "°C", 60.0, 85.0, 80.0, 75.0, 75.0),
    series("clocks", "policy0", "MHz", 1800.0, 1800.0, 1800.0, 1400.0, 1400.0),
    series("clocks", "policy4", "MHz", 2800.0, 2600.0, 2200.0, 1900.0, 1800.0),
)
GATE = Gate(
    outcome="open",
    waited_ms=42_000.0,
    readings=[GateReading(key="temperature", source="skin", unit="°C", value=34.9, limit=35.0)],
)


def run(courses: dict[Case, Course], suite: str = "sustained", rounds: int = 1, **more: Any) -> Run:
    """A run with these courses, and with the readings of `HEAT` beside each."""
    plans, blocks = [], []
    for round_ in range(1, rounds + 1):
        for case, course in courses.items():
            plan = PlannedBlock(index=len(plans), round=round_, case=case, rule=example.RULE)
            made = example.measurement(case, example.SHAPES[_SHAPES[case]], random.Random(1))
            made = made.model_copy(
                update={
                    "setup_ms": {"library_load": SETUP_MS},
                    "warmup_ms": [WARMUP_MS],
                    "prediction_ms": predictions(course),
                    "predictions_per_sample": 1,
                }
            )
            plans.append(plan)
            block = example.measured(plan, made, series=list(HEAT))
            blocks.append(block.model_copy(update={"gate": GATE, **more}))
    info = example.info([example.host()]).model_copy(update={"suite": suite})
    return Run(info=info, planned=plans, blocks=blocks)
