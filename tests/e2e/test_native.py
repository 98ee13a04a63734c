"""All three passes of native engines by the command line, on this computer and a virtual phone."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.core.records import Block, Run
from mobilebench.virtual import phones
from tests.e2e.conftest import CommandLine

pytestmark = [pytest.mark.adb, pytest.mark.build]

SUITE = """
title: Native
description: Every pass, on chosen cores, once.
models: [bert_small]
threads: [1]
affinities: ["0x1"]
priority: 19
model_access: mapped
passes: [timing, kernels, memory]
rule: {min_predictions: 3, max_predictions: 10, max_seconds: 1}
blocks: 1
groups:
  - targets: [host, android]
    engines:
      tflite: {cpu: [{delegate: xnnpack}, {delegate: none}]}
      onnxruntime: [cpu]
  - targets: [android]
    require_full_delegation: true
    engines:
      tflite: {nnapi: {arithmetic: fp32}, gpu: {arithmetic: fp32}}
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    path = tmp_path / "passes.yaml"
    path.write_text(SUITE)
    return str(path)


def of_pass(run: Run, name: str) -> list[Block]:
    return [block for block in run.blocks if block.planned.pass_ == name and block.outcome == "measured"]


@pytest.mark.timeout(300)
def test_every_pass_is_measured_proved_and_exported(mobilebench: CommandLine, suite: str) -> None:
    assert mobilebench("virtual", "up", "--count", "1").returncode == 0
    (serial,) = [phone.serial for phone in phones.list_phones() if phone.running]
    done = mobilebench("run", "--serial", f"host,{serial}", "--suite", suite)
    assert done.returncode in {ExitCode.OK, ExitCode.SUSPECT}, done.stdout + done.stderr

    run = mobilebench.last()
    assert len(run.blocks) == len(run.planned) == 2 * 3 * 3 + 2 * 3
    lacking = [block for block in run.blocks if block.planned.case.backend != "cpu"]
    assert {block.outcome for block in lacking} == {"unsupported"}
    assert all("Android" in (block.reason or "") for block in lacking)
    for name in ("timing", "kernels", "memory"):
        assert len(of_pass(run, name)) == 2 * 3

    for block in run.blocks:
        if block.measurement is None:
            continue
        proof = block.measurement.proof
        assert (proof.affinity, proof.affinity_kept, proof.priority, proof.model_access) == ([0], True, 19, "mapped")
        assert set(block.measurement.cost) == {"setup", "warmup", "prediction"}
        assert bool(block.measurement.kernels) == (block.planned.pass_ == "kernels")
        assert (block.measurement.memory is not None) == (block.planned.pass_ == "memory")
    for block in of_pass(run, "kernels"):
        assert block.measurement
        assert block.measurement.graph
        inside = sum(sum(kernel.times_ms) for kernel in block.measurement.kernels)
        assert 0 < inside <= sum(block.measurement.prediction_ms) * 1.05
    for block in of_pass(run, "memory"):
        use = block.measurement.memory if block.measurement else None
        assert use
        assert use.peak_rss_kb
        assert use.peak_rss_kb >= max(reading.rss_kb for reading in use.readings) * 0.95

    exported = mobilebench("results", "last", "--data", "kernels", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert {row["target"] for row in rows} == {"host", serial}
    assert {row["pass"] for row in rows} == {"kernels"}
    assert {row["virtual"] for row in rows if row["target"] == serial} == {"true"}


def test_cores_that_are_not_there_are_unsupported(mobilebench: CommandLine) -> None:
    asked = ["--serial", "host", "--suite", "native", "--engine", "onnxruntime", "--backend", "cpu", "--threads", "1"]
    done = mobilebench("run", *asked, "--model", "bert_small", "--affinity", f"0x1{'0' * 60}")
    assert done.returncode == ExitCode.NOTHING_TO_MEASURE, done.stdout + done.stderr
    assert {block.outcome for block in mobilebench.last().blocks} == {"unsupported"}
    assert "core" in (mobilebench.last().blocks[0].reason or "")
