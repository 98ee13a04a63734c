from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import coverage


def test_intervals_of_normal_noise_hold_the_true_value() -> None:
    found = coverage.fixed(coverage.normal, 5, 400, np.random.default_rng(1))
    assert 0.92 < found.share < 0.99
    assert found.blocks == 5


@pytest.mark.slow
def test_the_adaptive_plan_stops_early_for_calm_blocks_and_goes_on_for_others() -> None:
    random = np.random.default_rng(2)
    calm = coverage.adaptive(lambda random, count: random.normal(0, 0.002, count), 20, random)
    noisy = coverage.adaptive(coverage.normal, 20, random)
    assert calm.blocks == 5
    assert noisy.blocks > 15


def test_a_drift_is_held_against_the_mean_of_the_measured_blocks() -> None:
    found = coverage.fixed(coverage.drifting, 20, 200, np.random.default_rng(3))
    assert found.share > 0.9


def test_traces_are_centred_and_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = tmp_path / "traces.json"
    stored.write_text(
        json.dumps({"about": "made up", "medians_ms": {"tflite a": [1.0, 2.0, 4.0], "onnxruntime a": [2.0, 4.0, 8.0]}})
    )
    monkeypatch.setattr(coverage, "TRACES", stored)
    trace = coverage.traces()["tflite a"]
    assert trace == pytest.approx([-np.log(2), 0, np.log(2)])
    steps = np.diff(coverage.stretches(trace)(np.random.default_rng(0), 7))
    assert sorted({round(float(step), 6) for step in steps}) == pytest.approx([-2 * np.log(2), np.log(2)], abs=1e-5)
    found = coverage.measured_noises()
    assert {"tflite a, singly", "tflite a, in order", "onnxruntime a over tflite a, in order"} <= set(found)
    ratio = found["onnxruntime a over tflite a, in order"](np.random.default_rng(0), 7)
    assert ratio == pytest.approx(np.zeros(7))


def test_without_traces_only_simulated_noise_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "TRACES", tmp_path / "none.json")
    assert coverage.measured_noises() == {}
