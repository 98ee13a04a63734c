"""Options and suites of earlier releases do what they did, and a notice on standard error says what to write now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned


def cases_of(options: str) -> tuple[list[dict[str, object]], str]:
    """The cases that a dry run with these options lists, and what it prints on standard error."""
    code, out, err = mobilebench(f"run --serial host --dry-run --json {options}")
    assert code == 0, err
    planned = json.loads(out)
    return sorted((block["case"] for block in planned["blocks"]), key=str), err


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--variant int8", "--variant=int8"])
def test_variant_is_precision(option: str, pinned: Pinned) -> None:
    now, silent = cases_of("--suite quick --precision int8")
    then, said = cases_of(f"--suite quick {option}")
    assert then == now
    assert {case["precision"] for case in then} == {"int8"}
    assert said.count("The option `--variant` is called `--precision` now") == 1
    pinned(said)
    assert "Note" not in silent


def test_variant_is_precision_in_other_commands_too(pinned: Pinned) -> None:
    code, _, said = mobilebench("models build mlp_2x8 --variant int9")
    assert code == ExitCode.BAD_INPUT
    assert "int9" in said
    pinned(said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suite", "setting", "options"),
    [
        ("native", "xnnpack", "--backend cpu --delegate xnnpack --arithmetic fp32"),
        ("native", "tf32", "--backend cuda --arithmetic tf32"),
        ("web", "plain,simd-threads", "--wasm-build plain,simd-threads"),
    ],
)
def test_a_setting_selects_the_cases_that_it_selected(suite: str, setting: str, options: str) -> None:
    then, said = cases_of(f"--suite {suite} --setting {setting}")
    now, silent = cases_of(f"--suite {suite} {options}")
    assert then
    assert then == now
    assert said.count(f"write `{options}`") == 1
    assert "Note" not in silent


def test_default_selects_backends_that_leave_no_choice() -> None:
    found, said = cases_of("--suite native --setting default --engine onnxruntime,tflite")
    assert "--engine" in said
    assert {"onnxruntime cpu"} <= {f"{case['engine']} {case['backend']}" for case in found}
    assert {case["delegate"] for case in found} == {None}


def test_help_shows_no_old_option() -> None:
    code, out, err = mobilebench("run --help")
    assert code == 0
    assert "--setting" not in out
    assert "--variant" not in out
    assert not err


OLD_SUITE = """\
title: Old
description: Written for an earlier release
models: [mlp_2x8]
variants: [fp32, int8]
threads: [1]
rule: {min_predictions: 1, max_predictions: 1, max_seconds: 1}
blocks: 1
groups:
  - targets: [host]
    variants: [fp32]
    engines:
      tflite: {cpu: [xnnpack, xnnpack-fp16, reference]}
      onnxruntime: {cpu: [default], cuda: [default, tf32]}
      sleep: {cpu: [instant]}
  - targets: [host]
    engines:
      tfjs: {wasm: [simd, simd-threads], webgl: [auto]}
      ortjs: {webnn: [npu]}
"""
NEW_SUITE = """\
title: Old
description: Written for an earlier release
models: [mlp_2x8]
precisions: [fp32, int8]
threads: [1]
rule: {min_predictions: 1, max_predictions: 1, max_seconds: 1}
blocks: 1
groups:
  - targets: [host]
    precisions: [fp32]
    engines:
      tflite:
        cpu: [{delegate: xnnpack, arithmetic: [fp32, fp16]}, {delegate: none, arithmetic: fp32}]
      onnxruntime: {cpu: {}, cuda: {arithmetic: [fp32, tf32]}}
      sleep: [instant]
  - targets: [host]
    engines:
      tfjs: {wasm: {wasm_build: [simd, simd-threads]}, webgl: {gpu: auto}}
      ortjs: {webnn: {device_type: npu}}
"""


def test_a_suite_of_an_earlier_release_states_the_same_cases(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD_SUITE)
    new.write_text(NEW_SUITE)

    then, said = cases_of(f"--suite {old}")
    now, silent = cases_of(f"--suite {new}")

    assert then == now
    assert len(then) == 15
    assert said.count("is written for an earlier release") == 1
    for change in (
        "`variants` is now `precisions`",
        "`cpu: [xnnpack]` is now `cpu: {delegate: xnnpack, arithmetic: fp32}`",
        "`wasm: [simd]` is now `wasm: {wasm_build: simd}`",
        "`cpu: [instant]` is now `instant: {}`",
    ):
        assert change in said
    assert "Note" not in silent


def test_a_setting_that_never_existed_is_refused_with_its_line(tmp_path: Path, pinned: Pinned) -> None:
    suite = tmp_path / "old.yaml"
    suite.write_text(OLD_SUITE.replace("simd-threads", "simmd"))
    code, _, said = mobilebench(f"run --serial host --dry-run --suite {suite}")
    assert code == ExitCode.BAD_INPUT
    assert "line 17" in said
    pinned(said)
