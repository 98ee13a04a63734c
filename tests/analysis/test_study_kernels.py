"""Shares of kernels as the study groups them, and their change against plain WebAssembly."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mobilebench.analysis.study_kernels import KernelTable, kernel_tables
from mobilebench.analysis.study_tables import way_of
from mobilebench.core.records import Case
from tests.analysis import study

PLAIN, SIMD = study.web("tfjs", "plain"), study.web("tfjs", "simd")
SMALL_PLAIN, SMALL_SIMD = (study.web("tfjs", build, model="bert_small") for build in ("plain", "simd"))
BERT = {
    "BatchMatMul": (3.0, 9.0),
    "Reshape": (0.5, 0.5),
    "Transpose": (1.5, 1.5),
    "_FusedMatMul": (4.0, 8.0),
    "Erf": (1.0, 1.0),
}
NET = {"FusedConv2D": (6.0, 6.0), "FusedDepthwiseConv2D": (2.0, 2.0), "AddV2": (2.0, 2.0)}
FASTER = {"FusedConv2D": (3.0, 6.0), "FusedDepthwiseConv2D": (2.0, 2.0), "AddV2": (5.0, 2.0)}


def tables(kernels: Mapping[Case, Mapping[str, tuple[float, float]]]) -> list[KernelTable]:
    return list(kernel_tables(study.summary({}, kernels=kernels)))


def test_einsum_is_matmul_with_reshapes_and_transpositions() -> None:
    prediction, warmup = tables({SMALL_PLAIN: BERT})
    way = way_of(PLAIN)
    assert (prediction.stage, warmup.stage) == ("prediction", "warmup")
    assert prediction.share(way, "Einsum") == pytest.approx(0.5)
    assert prediction.share(way, "FusedMatMul") == pytest.approx(0.4)
    assert prediction.share(way, "other kernels") == pytest.approx(0.1)
    assert warmup.share(way, "Einsum") == pytest.approx(11 / 20)


def test_shares_add_up_and_other_kernels_come_last() -> None:
    prediction, _ = tables({SMALL_PLAIN: BERT, PLAIN: NET})
    shares = [prediction.share(way_of(PLAIN), row) for row in prediction.rows]
    assert sum(share for share in shares if share) == pytest.approx(1.0)
    assert prediction.rows[-1] == "other kernels"


def test_a_share_is_the_mean_over_models_and_counts_a_missing_kernel_as_none() -> None:
    prediction, _ = tables({SMALL_PLAIN: BERT, PLAIN: NET})
    assert prediction.share(way_of(PLAIN), "FusedConv2D") == pytest.approx(0.3)
    assert prediction.share(way_of(PLAIN), "Slice") is None


def test_a_change_is_the_kernels_time_over_that_in_plain_wasm() -> None:
    prediction, _ = tables({PLAIN: NET, SIMD: FASTER})
    assert prediction.change(way_of(SIMD), "FusedConv2D") == pytest.approx(0.5)
    assert prediction.change(way_of(SIMD), "Add") == pytest.approx(2.5)
    assert prediction.change(way_of(PLAIN), "Add") is None


def test_shares_are_over_the_models_that_every_way_has() -> None:
    prediction, _ = tables({PLAIN: NET, SIMD: FASTER, SMALL_PLAIN: BERT})
    assert [model for model, *_ in prediction.common] == ["mobilenet_v2"]
    assert prediction.share(way_of(PLAIN), "FusedMatMul") is None


def test_gpu_backends_have_a_table_of_their_own() -> None:
    assert {table.name for table in tables({PLAIN: NET, study.gpu("tfjs", "webgl", "hardware"): NET})} == {
        f"kernels-{group}-tfjs-chrome-{stage}" for group in ("wasm", "gpu") for stage in ("prediction", "warmup")
    }


def test_other_engines_have_types_of_operators() -> None:
    prediction, _ = tables({study.native("tflite"): {"Convolution (NHWC, F32) IGEMM": (1.0, 1.0)}})
    assert prediction.rows == ("convolution",)
