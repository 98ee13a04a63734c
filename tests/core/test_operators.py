from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.core import operators
from mobilebench.core.operators import MEANING, TYPES, OperatorType, intensity, is_known, operator_type
from mobilebench.models.inspection import graph_operators


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CONV_2D", "convolution"),
        ("Convolution (NHWC, F32) IGEMM", "convolution"),
        ("Convolution (NHWC, F32) DWConv", "depthwise convolution"),
        ("Convolution (NHWC, F32) VMulCAddC", "depthwise convolution"),
        ("Conv", "convolution"),
        ("Conv (depthwise)", "depthwise convolution"),
        ("com.microsoft.nchwc:Conv", "convolution"),
        ("FusedConv", "convolution"),
        ("NhwcFusedConv", "convolution"),
        ("QLinearConv", "convolution"),
        ("_FusedConv2D", "convolution"),
        ("FusedDepthwiseConv2dNative", "depthwise convolution"),
        ("DepthwiseConv2dNative", "depthwise convolution"),
        ("FusedDepthwiseConv2D", "depthwise convolution"),
        ("DEPTHWISE_CONV_2D", "depthwise convolution"),
        ("TRANSPOSE_CONV", "transposed convolution"),
        ("Deconvolution (NHWC, F32) Subconv2D", "transposed convolution"),
        ("Conv2DBackpropInput", "transposed convolution"),
        ("FULLY_CONNECTED", "matmul"),
        ("Fully Connected (NC, F32) GEMM", "matmul"),
        ("Batch Matrix Multiply (NC, F32) GEMM", "matmul"),
        ("Einsum", "matmul"),
        ("FusedMatMul", "matmul"),
        ("_FusedMatMul", "matmul"),
        ("DynamicQuantizeMatMul", "matmul"),
        ("Gemm", "matmul"),
        ("MultiHeadAttention", "attention"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "recurrent"),
        ("GatherV2", "gather"),
        ("EMBEDDING_LOOKUP", "gather"),
        ("Add (ND, F32)", "elementwise"),
        ("QLinearAdd", "elementwise"),
        ("BiasGelu", "elementwise"),
        ("Clamp (NC, F32)", "elementwise"),
        ("HARD_SWISH", "elementwise"),
        ("GlobalAveragePool", "pooling"),
        ("Average Pooling (NHWC, F32)", "pooling"),
        ("ArgMax Pooling (NHWC, X32)", "pooling"),
        ("SkipLayerNormalization", "reduction"),
        ("Softmax (NC, F32)", "reduction"),
        ("ReorderOutput", "data movement"),
        ("Constant Pad (ND, X32)", "data movement"),
        ("STRIDED_SLICE", "data movement"),
        ("RESIZE_BILINEAR", "resize"),
        ("DynamicQuantizeLinear", "number format"),
        ("Convert (NC, F32, F16)", "number format"),
        ("TfLiteXNNPackDelegate", "delegated part"),
        ("NonMaxSuppressionV3", "other"),
    ],
)
def test_names_of_every_engine_have_one_type(name: str, kind: OperatorType) -> None:
    assert operator_type(name) == kind
    assert is_known(name)


@pytest.mark.parametrize("name", ["Sum", "Max", "Min", "Mean"])
def test_what_onnx_calls_a_sum_adds_tensors(name: str) -> None:
    assert operator_type(name, "onnxruntime") == operator_type(name, "ortjs") == "elementwise"
    assert operator_type(name, "tflite") == operator_type(name, "tfjs") == "reduction"


def test_the_published_kernels_have_types_of_their_class() -> None:
    compute = ["Einsum", "FusedConv2D", "FusedMatMul", "FusedDwConv2D"]
    memory = ["GatherV2", "Add", "Slice", "Multiply", "Reshape"]
    assert {intensity(operator_type(name, "tfjs")) for name in compute} == {"compute"}
    assert {intensity(operator_type(name, "tfjs")) for name in memory} == {"memory"}


def test_every_operator_that_an_engine_here_implements_is_known() -> None:
    for table in graph_operators.tables():
        numeric = [name for name in table.operators if not any(word in name for word in _NO_NUMBERS)]
        engine = table.engine
        unknown = [name for name in numeric if not is_known(name, engine)]
        assert len(unknown) <= 0.05 * len(numeric), f"{engine} {table.backend}: {unknown}"


_NO_NUMBERS = (
    "String",
    "Regex",
    "Vectorizer",
    "TensorArray",
    "TensorList",
    "LookupTable",
    "InitializeTable",
    "ai.onnx.ml",
)
"""Operators on texts, lists of tensors and tables, and classical learners: not what networks are made of."""


def test_a_name_belongs_to_one_type() -> None:
    seen: dict[str, OperatorType] = {}
    for kind, names in operators._NAMES.items():
        for name in map(operators._squashed, names.split()):
            assert seen.setdefault(name, kind) == kind, f"{name} is {seen[name]} and {kind}"


def test_every_type_is_explained_and_only_two_have_no_class() -> None:
    assert set(MEANING) == set(TYPES) == set(operators._NAMES)
    assert [kind for kind in TYPES if intensity(kind) is None] == ["delegated part", "other"]


@pytest.mark.parametrize("name", ["", "Frobnicate", "conv2dish", "(NHWC)", "q" * 100, "🦙"])
def test_an_unknown_name_is_other_and_says_so(name: str) -> None:
    assert operator_type(name) == "other"
    assert not is_known(name)


@given(st.text(max_size=400))
def test_any_text_has_a_type(name: str) -> None:
    assert operator_type(name) in TYPES


def test_a_name_made_to_be_slow_is_not() -> None:
    begun = time.process_time()
    for length in range(150, 200):
        operator_type(("fusedqnhwc" * 20 + "linear" * 20)[-length:])
    assert time.process_time() - begun < 5
