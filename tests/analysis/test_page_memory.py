from __future__ import annotations

import random
from typing import Any

from mobilebench.analysis.memory import PageMemorySummary, memory, page_memory
from mobilebench.analysis.summary import CaseSummary, summarise
from mobilebench.core.records import FileProof, KernelMemory, Measurement, MemoryUse, PageMemory, Run
from tests.analysis import example, watching
from tests.analysis.watching import MIB

CASE = example.case("host", "tfjs", "simd")
ANSWER = watching.page_memory_answer(CASE, random.Random(1))


def case_of(answer: Measurement) -> CaseSummary:
    plan = watching.planned_pass(0, CASE, "memory")
    run = Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, answer)])
    (case,) = summarise(run).targets[0].cases
    return case


def read(answer: Measurement) -> PageMemorySummary:
    found = page_memory(case_of(answer))
    assert found is not None
    return found


def use(page: list[PageMemory], kernels: list[KernelMemory], **more: Any) -> Measurement:
    return ANSWER.model_copy(update={"memory": MemoryUse(page=page, kernels=kernels), **more})


def of_size(size: int) -> Measurement:
    files = [FileProof(name="model/model.json", bytes=0), FileProof(name="model/shard.bin", bytes=size)]
    return ANSWER.model_copy(update={"proof": ANSWER.proof.model_copy(update={"files": files})})


def test_every_value_stands_under_its_own_name_and_only_where_it_was_told() -> None:
    found = read(ANSWER)
    assert [one.name for one in found.sources] == [
        "wasm_heap_bytes", "performance_memory_bytes", "user_agent_bytes", "tf_bytes",
    ]  # fmt: skip
    assert found.of("js_heap_bytes") is None
    told = found.of("user_agent_bytes")
    assert told is not None
    assert (told.label, told.first, told.steady) == ("measureUserAgentSpecificMemory()", 30 * MIB, 30 * MIB)


def test_the_highest_value_may_lie_within_the_first_inference() -> None:
    heap = read(ANSWER).of("wasm_heap_bytes")
    assert heap is not None
    assert (heap.first, heap.highest, heap.highest_after, heap.steady) == (0, 48 * MIB, "Add", 40 * MIB)
    tensors = read(ANSWER).of("tf_bytes")
    assert tensors is not None
    assert (tensors.highest, tensors.highest_after) == (13 * MIB, "model_init")


def test_ratios_are_to_the_size_of_the_model_s_files() -> None:
    found = read(of_size(10 * MIB))
    assert (found.model_bytes, found.peak_tensors, found.tensors_to_model) == (10 * MIB, 21 * MIB, 2.1)
    heap = found.of("wasm_heap_bytes")
    assert heap is not None
    assert heap.to_model == 4.8


def test_top_kernels_are_those_that_added_most_with_the_growth_of_the_heap() -> None:
    top = read(ANSWER).top
    assert [(one.position, one.kernel.name, one.heap_growth) for one in top] == [
        (1, "FusedConv2D", None),
        (2, "Add", 8 * MIB),
        (3, "Mean", 0),
    ]


def test_kernels_without_a_heap_have_no_growth() -> None:
    kernels = [KernelMemory(name=name, bytes_added=1, total_bytes=2) for name in ("Add", "Mul")]
    found = read(use([PageMemory(at_ms=1, stage="warmup")], kernels))
    assert [one.heap_growth for one in found.top] == [None, None]
    assert found.sources == ()


def test_what_ran_in_no_page_tells_nothing_here() -> None:
    native = watching.memory_answer(example.case("host", "tflite", "xnnpack"), random.Random(1))
    assert page_memory(case_of(native.model_copy(update={"engine": "tfjs"}))) is None


def test_a_page_whose_process_cannot_be_read_still_tells_its_own() -> None:
    case = case_of(watching.page_memory_answer(CASE, random.Random(1), seen_from_outside=False))
    assert memory(case) is None
    found = page_memory(case)
    assert found is not None
    assert len(found.readings) == 5
