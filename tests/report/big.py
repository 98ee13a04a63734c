"""A made-up run as large as one of suite `paper`: many models, many cases, many raw samples."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from mobilebench.core.records import Block, Case, PlannedBlock, Run
from tests.analysis import example

MODELS = tuple(f"model_{number:02}" for number in range(1, 13))
"""As many models as suite `paper` has, and more."""
_WAYS = (
    ("tflite", "xnnpack"),
    ("onnxruntime", ""),
    ("tfjs", "plain"),
    ("tfjs", "simd"),
    ("tfjs", "simd-threads"),
    ("ortjs", "simd-threads"),
)


def big_run(cases: int = 700, rounds: int = 3, samples: int = 20, seed: int = 5) -> Run:
    """This many timed cases over `MODELS` on the host; each has one block in each round, with this many samples."""
    rng = random.Random(seed)
    chosen = list(_cases(cases))
    planned = [
        PlannedBlock(index=number * len(chosen) + place, round=number + 1, case=case, rule=example.RULE)
        for number in range(rounds)
        for place, case in enumerate(chosen)
    ]
    blocks: list[Block] = []
    clock = example.START
    for plan in planned:
        shape = example.SHAPES[plan.case.engine, example.choice_of(plan.case)]
        block = example.measured(plan, example.measurement(plan.case, shape, rng, samples), started=clock)
        blocks.append(block)
        clock = block.ended_at + timedelta(milliseconds=8)
    return Run(info=example.info([example.host()]), planned=planned, blocks=blocks)


def _cases(count: int) -> Iterator[Case]:
    every = len(MODELS) * len(_WAYS)
    found = (
        replace(example.case("host", engine, choice, model, 1), threads=threads)
        for threads in range(1, math.ceil(count / every) + 1)
        for model in MODELS
        for engine, choice in _WAYS
    )
    return (case for _, case in zip(range(count), found, strict=False))
