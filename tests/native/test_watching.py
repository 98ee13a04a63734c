"""What the runner tells beside times: cost by stage, groups where the clock is too coarse, and the memory pass."""

from __future__ import annotations

import statistics
from itertools import pairwise
from pathlib import Path

import pytest

from mobilebench.core.records import Measurement, MemoryReading
from tests.native.models import negative
from tests.native.running import FORMATS, INPUT, INSTANT, OUTPUT, SLEEP, measured, onnx_arguments, real_arguments, run

pytestmark = [pytest.mark.build, pytest.mark.alone]

STAGES = {
    "tflite": ["library_load", "model_read", "session_creation", "delegate_preparation", "session_creation"],
    "onnxruntime": ["library_load", "model_read", "session_creation", "session_creation"],
}
OWN_KB = 1024
KERNEL_ROUGH_KB = 2048
"""How much the kernel's peak may be below a reading: it adds up what each core has counted only now and then."""


def shortest_sample(measurement: Measurement) -> float:
    """A hundred times what the clock costs or how coarse it is, in ms."""
    proof = measurement.proof
    assert proof.clock_cost_ms and proof.clock_resolution_ms
    return 100 * max(proof.clock_cost_ms, proof.clock_resolution_ms)


def test_predictions_that_the_clock_cannot_tell_are_timed_in_groups(runner: Path) -> None:
    found = measured(runner, *INSTANT, "--max-predictions", "50")
    group = found.predictions_per_sample
    assert group > 10
    assert len(found.prediction_ms) == 50
    assert statistics.median(found.prediction_ms) * group > 0.8 * shortest_sample(found)
    (note,) = found.proof.notes
    assert note.startswith(f"predictions are timed in groups of {group}, since the clock")
    assert "9 that are not among the samples" in note


def test_longer_predictions_are_timed_one_by_one(runner: Path) -> None:
    found = measured(runner, *SLEEP)
    assert found.predictions_per_sample == 1
    assert len(found.prediction_ms) == 3
    assert 50 <= min(found.prediction_ms) < 500
    assert found.proof.notes == []


@pytest.mark.parametrize(("least", "most"), [("1", "1"), ("2", "2"), ("3", "9"), ("1", "10")])
def test_counts_are_of_samples(runner: Path, least: str, most: str) -> None:
    found = measured(runner, *INSTANT, "--min-predictions", least, "--max-predictions", most)
    assert len(found.prediction_ms) == int(most)
    assert found.predictions_per_sample > 1


def test_a_tiny_model_is_timed_so_that_the_clock_is_no_more_than_its_hundredth(runner: Path, tmp_path: Path) -> None:
    model = negative(tmp_path / "m.onnx", 1, 4)
    found = measured(runner, *onnx_arguments(model, *INPUT, *OUTPUT), "--max-predictions", "200")
    sample = statistics.median(found.prediction_ms) * found.predictions_per_sample
    assert sample > 0.8 * shortest_sample(found)


def test_a_kernels_pass_has_no_groups(runner: Path, tmp_path: Path) -> None:
    model = negative(tmp_path / "m.onnx", 1, 4)
    arguments = onnx_arguments(model, *INPUT, *OUTPUT)
    found = measured(runner, *arguments, "--pass", "kernels", "--scratch", str(tmp_path), "--max-predictions", "20")
    assert found.predictions_per_sample == 1
    assert found.kernels
    assert all(len(kernel.times_ms) == len(found.prediction_ms) for kernel in found.kernels)


def test_idle_threads_are_distinguished_from_those_at_work(runner: Path, tmp_path: Path) -> None:
    model = negative(tmp_path / "m.onnx", 1, 4)
    proof = measured(runner, *onnx_arguments(model, *INPUT, *OUTPUT, threads=2)).proof
    assert proof.threads_alive == 2
    assert proof.threads is not None
    assert proof.threads <= proof.threads_alive


@pytest.mark.parametrize("engine", FORMATS)
def test_cost_is_reported_by_stage(runner: Path, engine: str) -> None:
    found = measured(runner, *real_arguments(engine, "bert_small"))
    assert set(found.cost) == {"setup", "warmup", "prediction"}
    assert found.cost["setup"].minor_faults > 100
    prediction = found.cost["prediction"]
    assert prediction.user_ms + prediction.system_ms == pytest.approx(sum(found.proof.thread_cpu_ms), rel=0.1, abs=2)


def test_a_process_that_sleeps_costs_no_time_but_switches(runner: Path) -> None:
    cost = measured(runner, *SLEEP).cost["prediction"]
    assert cost.user_ms + cost.system_ms < 20
    assert cost.voluntary_switches >= 3


def readings(measurement: Measurement) -> list[MemoryReading]:
    assert measurement.memory is not None
    return measurement.memory.readings


@pytest.mark.parametrize("engine", FORMATS)
def test_a_memory_pass_reads_at_the_end_of_every_part(runner: Path, engine: str) -> None:
    found = measured(runner, *real_arguments(engine, "mobilenet_v2", memory_period="0", **{"pass": "memory"}))
    stages = [reading.stage for reading in readings(found)]
    assert stages == ["process_start", "inputs", *STAGES[engine], "warmup", "prediction"]
    assert found.memory is not None
    assert found.memory.period_ms is None
    assert all(earlier.at_ms <= later.at_ms for earlier, later in pairwise(readings(found)))
    for reading in readings(found):
        assert reading.uss_kb is not None and reading.pss_kb is not None
        assert 0 < reading.uss_kb <= reading.pss_kb <= reading.rss_kb
        assert reading.anonymous_kb is not None and reading.file_kb is not None
        assert reading.anonymous_kb + reading.file_kb == reading.rss_kb
    assert found.memory.peak_rss_kb is not None
    most = max(reading.rss_kb for reading in readings(found))
    assert found.memory.peak_rss_kb >= most - KERNEL_ROUGH_KB


@pytest.mark.parametrize(("access", "grows"), [("read", True), ("mapped", False)])
def test_a_model_that_is_read_is_the_processs_own_memory_and_a_mapped_one_is_not(
    runner: Path, access: str, grows: bool
) -> None:
    changes = {"pass": "memory", "model_access": access, "memory_period": "0"}
    found = measured(runner, *real_arguments("tflite", "mobilenet_v2", **changes))
    of = {reading.stage: reading.anonymous_kb or 0 for reading in reversed(readings(found))}
    model_kb = (found.proof.files[0].bytes or 0) / 1024
    growth = of["model_read"] - of["library_load"]
    assert (growth > 0.95 * model_kb) is grows


@pytest.mark.parametrize("engine", FORMATS)
def test_samples_are_taken_by_a_thread_that_the_proof_leaves_out(runner: Path, engine: str) -> None:
    arguments = real_arguments(engine, "bert_small", min_predictions="100", max_predictions="100")
    timing = measured(runner, *arguments)
    memory = measured(runner, *arguments, "--pass", "memory", "--memory-period", "5", "--affinity", "0x1")
    assert memory.memory is not None
    assert memory.memory.period_ms == 5
    by_clock = [reading.at_ms for reading in readings(memory) if reading.stage is None]
    assert len(by_clock) >= 3
    assert memory.proof.threads_alive == timing.proof.threads_alive
    assert (memory.pass_, memory.proof.threads, memory.proof.affinity_kept) == ("memory", 1, True)


def test_the_runners_own_memory_is_small_and_reported(runner: Path) -> None:
    found = measured(runner, *SLEEP, "--pass", "memory")
    assert found.memory is not None
    assert all((reading.uss_kb or 0) <= OWN_KB for reading in readings(found))
    assert found.memory.notes[0] == "read from /proc/self/smaps_rollup"
    assert "are the runner's own" in found.memory.notes[1]
    assert found.memory.graphics_kb is None
    assert found.memory.notes[-1].startswith("graphics memory is unknown: ")


def test_a_timing_pass_reads_no_memory(runner: Path) -> None:
    _, answer, _ = run(runner, *SLEEP)
    assert "memory" not in answer
