"""Libraries that cannot be loaded, by the command line: unsupported in the loader's words, and tried once a target."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.virtual import phones
from tests.e2e.conftest import CommandLine
from tests.native.test_loading import CRASH, built, constructor

pytestmark = [pytest.mark.adb, pytest.mark.build]

SUITE = """
title: Native
description: Every pass of three cases, twice.
models: [bert_small]
threads: [1]
passes: [timing, kernels, memory]
rule: {min_predictions: 3, max_predictions: 10, max_seconds: 1}
blocks: 2
groups:
  - targets: [host, android]
    engines:
      tflite: {cpu: [{delegate: xnnpack}, {delegate: none}]}
      onnxruntime: [cpu]
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    path = tmp_path / "native.yaml"
    path.write_text(SUITE)
    return str(path)


def counting(log: Path) -> str:
    """C code that adds a letter to a file, once a process that loads it."""
    body = f'FILE *log = fopen("{log}", "a"); fputc(49, log); fclose(log);'
    return f"#include <stdio.h>\nstatic void count(void) {{ {body} }}"


def test_a_library_that_crashes_is_loaded_once_and_its_cases_are_unsupported(
    mobilebench: CommandLine, suite: str, tmp_path: Path
) -> None:
    log = tmp_path / "loads"
    library = built(tmp_path, f"{counting(log)}\n{constructor(f'count(); {CRASH}')}", name="libtensorflowlite_jni.so")
    done = mobilebench("run", "--serial", "host", "--suite", suite, "--engine-library", f"tflite={library}")
    assert done.returncode in {ExitCode.OK, ExitCode.SUSPECT}, done.stdout + done.stderr
    blocks = mobilebench.last().blocks
    refused = [block for block in blocks if block.planned.case.engine == "tflite"]
    assert {block.outcome for block in refused} == {"unsupported"}
    assert {block.reason for block in refused} == {
        f"tflite: the engine's library `{library}` cannot be loaded: signal 11, it crashed"
    }
    assert {block.outcome for block in blocks if block not in refused} == {"measured"}
    assert log.read_text() == "1"
    assert "trying again" not in done.stdout + done.stderr


def test_a_phone_without_a_library_that_the_engine_needs_has_its_name(
    mobilebench: CommandLine, suite: str, tmp_path: Path
) -> None:
    needed = built(tmp_path, "int ALooper_wake(void) { return 1; }", "-Wl,-soname,libandroid.so", name="libandroid.so")
    library = built(tmp_path, "int ALooper_wake(void); int asks(void) { return ALooper_wake(); }", needed)
    needed.unlink()
    assert mobilebench("virtual", "up", "--count", "1").returncode == 0
    (serial,) = [phone.serial for phone in phones.list_phones() if phone.running]
    done = mobilebench("run", "--serial", serial, "--suite", suite, "--engine-library", f"onnxruntime={library}")
    assert done.returncode in {ExitCode.OK, ExitCode.SUSPECT}, done.stdout + done.stderr
    blocks = mobilebench.last().blocks
    refused = [block for block in blocks if block.planned.case.engine == "onnxruntime"]
    assert {block.outcome for block in refused} == {"unsupported"}
    (reason,) = {block.reason for block in refused}
    assert reason is not None
    assert reason.startswith("onnxruntime: the engine's library cannot be loaded: libandroid.so")
    assert {block.outcome for block in blocks if block not in refused} == {"measured"}
