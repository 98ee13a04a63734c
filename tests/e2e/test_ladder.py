"""Suite `ladder` with two models on this computer, and what `mobilebench explain` makes of it."""

from __future__ import annotations

import json
import math

import pytest

from mobilebench.core.errors import ExitCode
from tests.e2e.conftest import CommandLine

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.build]

RUNGS = {"ortjs": 6, "tfjs": 7}


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_a_real_ladder_is_whole(mobilebench: CommandLine) -> None:
    engines = ("--engine", "onnxruntime,ortjs,tflite,tfjs", "--backend", "cpu,wasm", "--precision", "fp32")
    done = mobilebench("run", "--serial", "host", "--suite", "ladder", *engines, "--blocks", "1", timeout=560)
    # A busy computer may leave a thread without work, which makes that one case invalid.
    assert done.returncode in {ExitCode.OK, ExitCode.SUSPECT, ExitCode.CASES_FAILED}, done.stdout + done.stderr
    for model in ("bert_small", "mobilenet_v2"):
        told = mobilebench("explain", "last", "--model", model, "--json")
        assert told.returncode == ExitCode.OK, told.stderr
        (found,) = json.loads(told.stdout)["ladders"]
        ladders = {one["web"]: one for one in found["ladders"]}
        assert set(ladders) == set(RUNGS)
        for web, one in ladders.items():
            factors = [step["factor"]["ratio"] for step in one["steps"]]
            assert len(factors) + 1 + sum(not gone["side_step"] for gone in one["not_measured"]) == RUNGS[web]
            assert math.prod(factors) == pytest.approx(one["product"]) == pytest.approx(one["total"]["ratio"])
            assert one["unexplained"]["ratio"] == pytest.approx(1)
            assert one["kernels"]["growing"]
        assert any("/node/" in step["case"] for step in ladders["tfjs"]["steps"])
