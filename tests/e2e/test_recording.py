"""What recorders read of the processes that measure: pages on this computer and on a phone, Node, and TensorFlow."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.core.records import Block, Series
from mobilebench.virtual import phones
from tests.e2e.conftest import CommandLine

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.build, pytest.mark.timeout(300)]

SUITE = """
title: Recording
description: Every kind of process.
models: [mobilenet_v2]
threads: [1]
rule: {min_predictions: 3, max_predictions: 100000, max_seconds: 3}
watched_rule: {min_predictions: 3, max_predictions: 100000, max_seconds: 3}
blocks: 1
groups:
  - targets: [host]
    browsers: [chrome, node]
    engines:
      ortjs: {wasm: {wasm_build: simd-threads}}
  - targets: [host]
    engines:
      tensorflow: [cpu]
  - targets: [android]
    engines:
      ortjs: {wasm: {wasm_build: simd-threads}}
"""


def test_the_processes_of_pages_node_and_tensorflow_are_read(mobilebench: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "recording.yaml"
    path.write_text(SUITE)
    assert mobilebench("virtual", "up", "--count", "1").returncode == 0
    (phone,) = [one for one in phones.list_phones() if one.running]
    asked = ["--serial", f"host,{phone.serial}", "--suite", str(path), "--pass", "recording"]
    done = mobilebench("run", *asked, "--record", "cpu@100ms,ram@100ms,gpu@500ms")
    assert done.returncode in {ExitCode.OK, ExitCode.SUSPECT}, done.stdout + done.stderr
    blocks = {(one.planned.case.target, one.planned.case.browser or "python"): one for one in mobilebench.last().blocks}
    assert set(blocks) == {("host", "chrome"), ("host", "node"), ("host", "python"), (phone.serial, "chrome")}
    for key, block in blocks.items():
        assert block.outcome == "measured", (key, block.reason)
        use, memory = series(block, "cpu", "measured"), series(block, "ram", "measured")
        assert max(use.values, default=0.0) > 10, (key, use.reason)
        assert max(memory.values, default=0.0) > 20, (key, memory.reason)
        assert series(block, "cpu", "others").values, key
    on_phone = blocks[phone.serial, "chrome"]
    assert series(on_phone, "gpu", "clock").values
    assert series(on_phone, "sampler", "cpu_time").values[-1] > 0


def series(block: Block, recorder: str, name: str) -> Series:
    (found,) = [one for one in block.series if (one.recorder, one.name) == (recorder, name)]
    return found
