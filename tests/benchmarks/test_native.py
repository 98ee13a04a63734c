"""What the benchmarks of the native engines make of their numbers, and that their minimal programs do what they say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import blocks_apart, kernels_pass, runner_overhead, setup_overhead
from benchmarks.blocks_apart import Told
from benchmarks.ratios import Ratio
from mobilebench.core.records import Kernel, Measurement
from tests.pinning import Pinned


def test_only_rows_of_one_version_can_break_the_runners_promise() -> None:
    slow, fine = Ratio(1.11, 1.05, 1.2, 12), Ratio(1.02, 0.99, 1.04, 12)
    kept = runner_overhead.verdict({("bert_small", "litert"): slow, ("bert_small", "onnxruntime"): fine})
    assert kept.startswith("Promise kept")
    broken = runner_overhead.verdict({("resnet50", "tflite-c-api"): slow, ("bert_small", "onnxruntime"): fine})
    assert broken.startswith("Promise broken by resnet50 with tflite-c-api")
    assert "bert_small" not in broken


@pytest.mark.parametrize(
    ("ratio", "more_ms", "kept"), [(1.10, 50, True), (1.5, 10, True), (1.11, 10.1, False), (0.9, -3, True)]
)
def test_setup_may_cost_a_share_or_next_to_nothing(ratio: float, more_ms: float, kept: bool) -> None:
    assert setup_overhead.keeps(Ratio(ratio, None, None, 20), more_ms) is kept


def test_a_row_of_setup_shows_the_difference_of_pairs() -> None:
    line = setup_overhead.row("bert_small", "tflite", [31.0, 32.0, 90.0], [10.0, 12.0, 11.0])
    assert "| +21.00 |" in line
    assert line.endswith("| **no** |")


def measurement(times: dict[str, list[float]], whole: list[float]) -> Measurement:
    return Measurement(
        schema="mobilebench/measurement/1",
        status="ok",
        engine="tflite",
        prediction_ms=whole,
        kernels=[Kernel(name=name, times_ms=told) for name, told in times.items()],
    )


def test_operators_are_added_up_prediction_by_prediction() -> None:
    seen = measurement({"CONV_2D": [1.0, 2.0, 6.0], "ADD": [1.0, 1.0, 3.0]}, [4.0, 4.0, 10.0])
    assert kernels_pass.told_share(seen) == pytest.approx(0.75)
    with pytest.raises(ValueError, match="told no operator"):
        kernels_pass.told_share(measurement({}, [1.0]))


def test_a_distorting_pass_is_told_with_its_factor(pinned: Pinned) -> None:
    ratio = Ratio(1.37, 1.2, 1.5, 12)
    assert "**no**" in kernels_pass.row("mobilenet_v2", "onnxruntime", ratio, [0.9])
    pinned(kernels_pass.distortion("mobilenet_v2", "onnxruntime", ratio))


def quiet(median_ms: float, **more: float) -> Told:
    return Told(**{"median_ms": median_ms, "switches": 5, "processor": 1.0, "load": 0.5, "clock_mhz": 3000, **more})


@pytest.mark.parametrize(
    ("slow", "words"),
    [
        ({"switches": 400}, "put off the processor 400 times a second"),
        ({"processor": 0.5}, "got 50% of a processor's time"),
        ({"clock_mhz": 2000}, "at 2000 MHz"),
        ({"load": 9}, "4.8 threads wanted to run"),
        ({}, "nothing that this system counts"),
    ],
)
def test_a_spread_is_explained_by_what_slow_blocks_had(slow: dict[str, float], words: str) -> None:
    blocks = [quiet(10.0), quiet(10.1), quiet(12.0, **slow), quiet(12.1, **slow)]
    assert blocks_apart.variation(blocks) > blocks_apart.MUCH
    said = blocks_apart.explained(blocks)
    assert len(said) == 1
    assert words in said[0]


def test_clocks_are_read_where_the_system_tells_them(tmp_path: Path, pinned: Pinned) -> None:
    for core, clock in {0: "2400000", 1: "3100000"}.items():
        (tmp_path / f"cpu{core}" / "cpufreq").mkdir(parents=True)
        (tmp_path / f"cpu{core}" / "cpufreq" / "scaling_cur_freq").write_text(f"{clock}\n")
    assert blocks_apart.clock_mhz([0, 1, 2], tmp_path) == 3100
    assert blocks_apart.clock_mhz([2], tmp_path) is None
    without = [Told(1.0, 5, 1.0, 0.1, None), Told(1.2, 5, 1.0, 0.1, None)]
    pinned(blocks_apart.explained(without)[0])


def test_the_mask_is_of_one_core() -> None:
    assert int(blocks_apart.default_mask(), 16).bit_count() == 1


@pytest.mark.build
@pytest.mark.parametrize("engine", setup_overhead.ENGINES)
def test_the_minimal_program_makes_an_engine_ready(tmp_path: Path, engine: str) -> None:
    program = setup_overhead.compiled(engine, tmp_path)
    files = setup_overhead.built("bert_small")
    assert setup_overhead.minimal_ms(files, engine, program) > 1
    wrong = subprocess.run([str(program), "no-library", "no-model", "1"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert wrong.stdout == ""
    assert "minimal: " in wrong.stderr
