"""EXAMPLE DATA, made up: kernels and memory passes beside the example run. No number in it was ever measured."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

from mobilebench.core.records import (
    Block,
    Case,
    GraphOperators,
    Kernel,
    KernelMemory,
    Measurement,
    MemoryReading,
    MemoryUse,
    PageMemory,
    Pass,
    PlannedBlock,
    Run,
    StageCost,
    Verdict,
)
from tests.analysis import example
from tests.ways import chosen

MIB = 2**20
TFLITE = (
    ("Convolution (NHWC, F32) IGEMM", "CONV_2D", 1, 0.40),
    ("Fully Connected (NC, F32) GEMM", "CONV_2D", 34, 3.10),
    ("Convolution (NHWC, F32) DWConv", "DEPTHWISE_CONV_2D", 17, 1.30),
    ("Fully Connected (NC, F32) GEMM", "FULLY_CONNECTED", 1, 0.55),
    ("Add (ND)", None, 10, 0.12),
    ("Mean (ND) Reduce", None, 1, 0.03),
    ("Frobnicate (NC)", None, 1, 0.01),
)
"""Kernel, the file's operator that it computes, how many, and their milliseconds in one prediction together."""
ONNX = (
    ("Conv", None, 52, 5.9),
    ("com.microsoft.nchwc:ReorderInput", None, 2, 0.2),
    ("Sum", None, 10, 0.4),
    ("FusedGemm", None, 1, 0.5),
)
GRAPH = {
    "tflite": [
        GraphOperators(operator="CONV_2D", count=35, parameters=2135456, macs=278777856),
        GraphOperators(operator="DEPTHWISE_CONV_2D", count=17, parameters=71360, macs=20716416),
        GraphOperators(operator="FULLY_CONNECTED", count=1, parameters=1281000, macs=1280000),
        GraphOperators(operator="ADD", count=10, parameters=0, macs=0),
        GraphOperators(operator="MEAN", count=1, parameters=0, macs=0),
    ],
    "onnxruntime": [
        GraphOperators(operator="Conv", count=35, parameters=2135456, macs=278777856),
        GraphOperators(operator="Conv (depthwise)", count=17, parameters=71360, macs=20716416),
        GraphOperators(operator="Gemm", count=1, parameters=1281000, macs=1280000),
        GraphOperators(operator="Clip", count=35, parameters=0, macs=0),
    ],
}
COST = {
    "setup": StageCost(
        user_ms=14, system_ms=6, minor_faults=5200, major_faults=3, voluntary_switches=40, involuntary_switches=2
    ),
    "warmup": StageCost(
        user_ms=16, system_ms=1.5, minor_faults=900, major_faults=0, voluntary_switches=30, involuntary_switches=1
    ),
    "prediction": StageCost(
        user_ms=240, system_ms=4, minor_faults=40, major_faults=0, voluntary_switches=600, involuntary_switches=20
    ),
}


def kernels_answer(of: Case, rng: random.Random, count: int = 20) -> Measurement:
    """A kernels pass of `of`, whose kernels explain about 97 % of a prediction."""
    made = example.measurement(of, example.SHAPES[of.engine, chosen(of)], rng, count)
    names = TFLITE if of.engine == "tflite" else ONNX
    prediction = example.SHAPES[of.engine, chosen(of)].prediction * (0.45 if of.model == "bert_small" else 1)
    scale = 0.97 * 1.03 * prediction / sum(ms for *_, ms in names)
    every = [(name, operator, ms * scale / number) for name, operator, number, ms in names for _ in range(number)]
    kernels = [
        Kernel(
            name=name,
            node=node,
            operator=operator,
            provider="XNNPACK" if of.engine == "tflite" else "CPUExecutionProvider",
            warmup_ms=round(1.6 * ms, 4),
            times_ms=[round(ms * rng.lognormvariate(0, 0.01), 4) for _ in range(count)],
        )
        for node, (name, operator, ms) in enumerate(every)
    ]
    whole = [round(1.03 * prediction * rng.lognormvariate(0, 0.01), 4) for _ in range(count)]
    return made.model_copy(
        update={"pass_": "kernels", "kernels": kernels, "graph": GRAPH[of.engine], "prediction_ms": whole}
    )


def memory_answer(of: Case, rng: random.Random) -> Measurement:
    made = example.measurement(of, example.SHAPES[of.engine, chosen(of)], rng)
    steps = [
        ("process_start", 0.0, 1_300),
        ("library_load", 3.0, 6_900),
        ("model_read", 9.0, 20_500),
        ("session_creation", 18.0, 24_100),
        *([("delegate_preparation", 24.0, 41_800)] if of.engine == "tflite" else []),
        ("inputs", 24.1, 42_400),
        (None, 26.0, 52_000),
        ("warmup", 33.0, 49_700),
        (None, 60.0, 50_100),
        ("prediction", 160.0, 49_800),
    ]
    readings = [
        MemoryReading(
            at_ms=at,
            stage=stage,
            rss_kb=rss,
            pss_kb=rss - 900,
            uss_kb=rss - 1100,
            anonymous_kb=int(rss * 0.6),
            file_kb=rss - int(rss * 0.6),
        )
        for stage, at, rss in steps
    ]
    use = MemoryUse(peak_rss_kb=53_200, period_ms=25, readings=readings, notes=["read from /proc/self/smaps_rollup"])
    return made.model_copy(update={"pass_": "memory", "memory": use})


def page_memory_answer(of: Case, rng: random.Random, *, seen_from_outside: bool = True) -> Measurement:
    """A memory pass of a page: 13.3 MiB of model, a heap that grows to 48 MiB within the first inference."""
    made = example.measurement(of, example.SHAPES[of.engine, chosen(of)], rng)
    steps = (("process_start", 0, 0), ("framework_init", 16, 0), ("model_init", 20, 13), ("warmup", 40, 13))
    page = [
        PageMemory(
            at_ms=100.0 * at,
            stage=stage,
            wasm_heap_bytes=heap * MIB,
            performance_memory_bytes=(2 + at) * MIB,
            tf_bytes=tensors * MIB,
        )
        for at, (stage, heap, tensors) in enumerate((*steps, ("prediction", 40, 13)))
    ]
    page[-1] = page[-1].model_copy(update={"user_agent_bytes": 30 * MIB})
    kernels = [
        KernelMemory(
            name=name, bytes_added=added * MIB, total_bytes=total * MIB, wasm_heap_bytes=heap * MIB,
            performance_memory_bytes=5 * MIB,
        )
        for name, added, total, heap in (("FusedConv2D", 6, 20, 40), ("Add", 1, 21, 48), ("Mean", -2, 19, 48))
    ]  # fmt: skip
    told = [
        MemoryReading(at_ms=100.0 * at, stage=one.stage, rss_kb=130_000 + 9_000 * at) for at, one in enumerate(page)
    ]
    use = MemoryUse(
        peak_rss_kb=180_000 if seen_from_outside else None,
        readings=told if seen_from_outside else [],
        page=page,
        kernels=kernels,
    )
    return made.model_copy(update={"pass_": "memory", "memory": use})


def watched_run(seed: int = 7, cases: Sequence[Case] | None = None) -> Run:
    """The example run with both passes of each native case; one kernels pass is unsupported, one memory pass failed."""
    run = example.example_run(seed)
    rng = random.Random(seed + 1)
    chosen = cases or list(dict.fromkeys(plan.case for plan in run.planned if plan.case.browser is None))
    planned, blocks = list(run.planned), [_with_cost(block) for block in run.blocks]
    clock = max(block.ended_at for block in blocks)
    for case in chosen:
        for of_pass in ("kernels", "memory"):
            plan = planned_pass(len(planned), case, of_pass)  # type: ignore[arg-type]
            block = watched_block(plan, rng)
            clock += timedelta(milliseconds=300)
            moved = {"started_at": clock, "ended_at": clock + (block.ended_at - block.started_at)}
            planned.append(plan)
            blocks.append(block.model_copy(update=moved))
    return run.model_copy(update={"planned": planned, "blocks": blocks})


def planned_pass(index: int, case: Case, of_pass: Pass) -> PlannedBlock:
    return PlannedBlock(index=index, round=3, case=case, rule=example.RULE, pass_=of_pass)


def watched_block(plan: PlannedBlock, rng: random.Random) -> Block:
    case = plan.case
    if plan.pass_ == "kernels" and case.target == example.PHONES[1].id and case.engine == "onnxruntime":
        return example.unmeasured(plan, "unsupported", "onnxruntime: this library was built without its profiler.")
    if plan.pass_ == "memory" and case.target == example.PHONES[0].id and case.engine == "tflite":
        return example.unmeasured(plan, "failed", "The native runner gave no whole answer (exit code 1).")
    answer = kernels_answer(case, rng) if plan.pass_ == "kernels" else memory_answer(case, rng)
    return example.measured(plan, answer, verdict=Verdict(status="valid"))


def _with_cost(block: Block) -> Block:
    if block.measurement is None or block.planned.case.browser is not None:
        return block
    return block.model_copy(update={"measurement": block.measurement.model_copy(update={"cost": COST})})
