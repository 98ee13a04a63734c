from __future__ import annotations

import random
from typing import Any

from mobilebench.analysis.memory import MemorySummary, memory, model_bytes
from mobilebench.analysis.summary import summarise
from mobilebench.core.records import FileProof, Measurement, MemoryReading, MemoryUse, Proof, Run
from tests.analysis import example, watching

CASE = example.case("host", "tflite", "xnnpack")


def read(answer: Measurement) -> MemorySummary | None:
    plan = watching.planned_pass(0, CASE, "memory")
    run = Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, answer)])
    (case,) = summarise(run).targets[0].cases
    return memory(case)


def use(*readings: tuple[float, str | None, int], **more: Any) -> Measurement:
    made = watching.memory_answer(CASE, random.Random(1))
    kept = [MemoryReading(at_ms=at, stage=stage, rss_kb=rss) for at, stage, rss in readings]
    return made.model_copy(update={"memory": MemoryUse(readings=kept, **more)})


def test_only_the_peak_is_a_peak_and_the_steady_values_are_those_at_the_end() -> None:
    found = read(watching.memory_answer(CASE, random.Random(1)))
    assert found is not None
    assert found.peak_rss_kb == 53_200
    assert (found.steady.stage, found.steady.rss_kb, found.steady.pss_kb) == ("prediction", 49_800, 48_900)
    assert found.highest_sampled.rss_kb == 52_000
    assert (found.samples, found.period_ms) == (2, 25)


def test_growth_goes_from_stage_to_stage_and_adds_up() -> None:
    found = read(watching.memory_answer(CASE, random.Random(1)))
    assert found is not None
    assert [growth.stage for growth in found.growth] == [
        "library_load", "model_read", "session_creation", "delegate_preparation", "inputs", "warmup", "prediction",
    ]  # fmt: skip
    assert sum(growth.rss_kb for growth in found.growth) == found.grown_kb == 48_500
    assert found.growth[0].rss_kb == found.growth[0].uss_kb == 5_600
    assert found.growth[-1].rss_kb == 100


def test_memory_that_is_given_back_is_negative_growth_and_samples_are_no_stage() -> None:
    found = read(use((5.0, "warmup", 900), (0.0, "process_start", 100), (3.0, None, 5000), (9.0, "prediction", 700)))
    assert found is not None
    assert [growth.rss_kb for growth in found.growth] == [800, -200]
    assert found.peak_rss_kb is None
    assert found.peak_to_model is None


def test_a_stage_that_is_read_twice_has_parts_and_a_first_sample_is_where_growth_begins() -> None:
    found = read(
        use(
            (0.0, None, 100), (2.0, "library_load", 400), (3.0, "session_creation", 500), (4.0, "session_creation", 900)
        )
    )
    assert found is not None
    assert [(growth.stage, growth.part, growth.rss_kb) for growth in found.growth] == [
        ("library_load", 1, 300),
        ("session_creation", 1, 100),
        ("session_creation", 2, 400),
    ]
    assert found.samples == 1


def test_what_was_not_told_is_none() -> None:
    found = read(use((0.0, None, 100), (1.0, None, 300)))
    assert found is not None
    assert (found.steady.rss_kb, found.growth, found.steady.pss_kb, found.graphics_kb) == (300, (), None, None)
    assert read(use()) is None


def test_the_ratio_is_to_the_models_files_and_to_no_library() -> None:
    made = watching.memory_answer(CASE, random.Random(1))
    found = read(made)
    assert found is not None
    assert found.model_kb == 13_900_000 / 1024
    assert found.peak_to_model == 53_200 / (13_900_000 / 1024)


def test_weights_in_further_files_belong_to_the_model() -> None:
    files = [FileProof(name=name, bytes=10) for name in ("runner", "lib.so", "saved_model.pb", "v.data-00000-of-00001")]
    made = watching.memory_answer(CASE, random.Random(1))
    assert model_bytes(made.model_copy(update={"proof": Proof(files=files)})) == 20
    assert model_bytes(made.model_copy(update={"proof": Proof(files=files[:2])})) is None
