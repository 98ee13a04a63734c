"""What is said of models whose arithmetic was counted by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.models.inspection.inspecting import Description, inspect
from mobilebench.models.inspection.macs import of_onnx, of_tflite
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.worker import read
from mobilebench.models.manifest import Format
from tests.models.inspection import tiny_models
from tests.models.inspection.tiny_models import MACS, PARAMETERS


def _onnx(folder: Path) -> Path:
    (folder / "net.onnx").write_bytes(tiny_models.onnx_model())
    return folder / "net.onnx"


def _tflite(folder: Path) -> Path:
    (folder / "net.tflite").write_bytes(tiny_models.tflite_model())
    return folder / "net.tflite"


def _saved(folder: Path) -> Path:
    return tiny_models.saved_model(folder)


EVERY: dict[Format, Callable[[Path], Path]] = {
    "onnx": _onnx,
    "tflite": _tflite,
    "tfjs": tiny_models.tfjs_model,
    "saved_model": _saved,
}
SHAPES = {"saved_model": {"image": [1, 8, 8, 3]}}


@pytest.mark.parametrize("name", EVERY)
def test_every_format_counts_the_same(tmp_path: Path, name: Format) -> None:
    found = inspect(EVERY[name](tmp_path), shapes=SHAPES.get(name))
    assert found.format == name
    assert (found.macs, found.parameters) == (MACS, PARAMETERS)
    assert found.weight_dtypes == {"float32": PARAMETERS}
    assert [one.shape for one in found.outputs] == [[1, 5]]
    assert sum(one.macs or 0 for one in found.operators) == MACS
    assert sorted(one.macs for one in found.operators if one.macs) == [20, 6912]


def test_traffic_by_hand(tmp_path: Path) -> None:
    """Image 192, filter 108 and 4, map 256; map 256 and axes 2 to 4; 4, matrix 20 and 5, answer 5: 856 numbers."""
    assert inspect(_tflite(tmp_path)).traffic_bytes == 4 * 856


def test_sums_of_one_file_and_of_several(tmp_path: Path) -> None:
    single = inspect(_onnx(tmp_path))
    assert single.sha256 == hashlib.sha256((tmp_path / "net.onnx").read_bytes()).hexdigest()
    assert single.files == {"net.onnx": single.sha256}
    several = inspect(tiny_models.tfjs_model(tmp_path / "web"))
    assert list(several.files) == ["model.json", "shard1.bin", "shard2.bin"]
    lines = "".join(f"{several.files[name]}  {name}\n" for name in sorted(several.files))
    assert several.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert several.bytes == sum((tmp_path / "web" / name).stat().st_size for name in several.files)


def test_external_data_belongs_to_the_model(tmp_path: Path) -> None:
    found = inspect(tiny_models.onnx_external(tmp_path))
    assert list(found.files) == ["external.onnx", "weights.bin"]
    assert (found.macs, found.parameters) == (MACS, PARAMETERS)


def test_open_axes_are_none_until_they_get_a_value(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(tiny_models.onnx_model("batch"))
    open_ = inspect(file)
    assert (open_.inputs[0].shape, open_.macs, open_.traffic_bytes) == ([None, 3, 8, 8], None, None)
    chosen = inspect(file, shapes={"image": [3, 3, 8, 8]})
    assert (chosen.inputs[0].shape, chosen.outputs[0].shape, chosen.macs) == ([3, 3, 8, 8], [3, 5], 3 * MACS)


def test_an_open_tflite_batch_counts_only_as_it_is_stored(tmp_path: Path) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(tiny_models.tflite_model(batch_is_open=True))
    assert read(file, "tflite", {})["macs"] is None
    assert read(file, "tflite", {"image": [1, 8, 8, 3]})["macs"] == MACS
    other = read(file, "tflite", {"image": [2, 8, 8, 3]})
    assert (other["inputs"][0]["shape"], other["macs"]) == ([2, 8, 8, 3], None)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"picture": [1, 3, 8, 8]}, "has no input 'picture'; its inputs are image"),
        ({"image": [1, 3, 8]}, "whose shape is ? x 3 x 8 x 8"),
        ({"image": [1, 4, 8, 8]}, "whose shape is ? x 3 x 8 x 8"),
        ({"image": [0, 3, 8, 8]}, "at least 1"),
    ],
)
def test_shapes_that_do_not_fit(tmp_path: Path, shapes: dict[str, list[int]], words: str) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(tiny_models.onnx_model("batch"))
    with pytest.raises(BadInput) as caught:
        inspect(file, shapes=shapes)
    assert words in caught.value.message


def test_recurrent_layers_functions_and_branches(tmp_path: Path) -> None:
    """6 steps of an LSTM: 4 gates of 4 units by 3 inputs and 4 states. The branch may run or not: not known."""
    file = tmp_path / "net.onnx"
    file.write_bytes(tiny_models.onnx_recurrent())
    found = read(file, "onnx", {})
    operators = {one["type"]: one for one in found["operators"]}
    assert operators["LSTM"]["macs"] == 6 * (16 * 3 + 16 * 4)
    assert operators["Add"]["count"] == 1
    assert (operators["If"]["macs"], operators["Exp"]["count"], found["macs"]) == (None, 2, None)
    assert found["parameters"] == 16 * 3 + 16 * 4


def test_custom_operators_are_told_apart(tmp_path: Path) -> None:
    for name, domain in (("Own", "custom"), ("FlexErf", "flex")):
        file = tmp_path / "net.tflite"
        file.write_bytes(tiny_models.tflite_model(custom=name))
        found = read(file, "tflite", {})
        assert (name, domain, 1, None) in _operators(found)
        assert found["macs"] is None


def test_an_onnx_operator_of_a_custom_domain_is_described(tmp_path: Path) -> None:
    from onnx import helper

    model = tiny_models.onnx_proto()
    model.graph.node[1].op_type, model.graph.node[1].domain = "Own", "mine"
    model.opset_import.append(helper.make_opsetid("mine", 1))
    file = tmp_path / "net.onnx"
    file.write_bytes(model.SerializeToString())
    found = read(file, "onnx", {})
    assert ("Own", "mine", 1, None) in _operators(found)

    assert found["opset"] == {"": 17, "mine": 1}
    assert found["macs"] is None


def test_quantised_weights_count_and_scales_do_not(tmp_path: Path) -> None:
    import numpy as np
    from onnx import helper, numpy_helper

    model = tiny_models.onnx_proto()
    weight = model.graph.initializer[0]
    small = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.int8), "small")
    scale = numpy_helper.from_array(np.ones(4, np.float32), "scale")
    zero = numpy_helper.from_array(np.zeros(4, np.int8), "zero")
    model.graph.initializer.remove(weight)
    model.graph.initializer.extend([small, scale, zero])
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", ["small", "scale", "zero"], [weight.name], axis=0))
    file = tmp_path / "net.onnx"
    file.write_bytes(model.SerializeToString())
    found = read(file, "onnx", {})
    assert found["weight_dtypes"] == {"float32": PARAMETERS - 108, "int8": 108}
    assert found["macs"] == MACS


def test_quantised_tfjs_weights(tmp_path: Path) -> None:
    manifest = tiny_models.tfjs_json()["weightsManifest"]
    manifest[0]["weights"][0]["quantization"] = {"dtype": "uint8", "scale": 0.1, "min": 0.0}
    file = tiny_models.tfjs_model(tmp_path, weightsManifest=manifest)
    (tmp_path / "shard1.bin").write_bytes(bytes(4 * PARAMETERS - 100 - 3 * 108))
    found = read(file, "tfjs", {})
    assert found["weight_dtypes"] == {"float32": PARAMETERS - 108, "uint8": 108}
    assert found["macs"] == MACS


@pytest.mark.parametrize(
    ("kind", "shapes", "output", "attributes", "macs"),
    [
        ("Conv", [(1, 8, 10, 10), (16, 2, 3, 3)], (1, 16, 10, 10), {"group": 4}, 1600 * 2 * 9),
        ("ConvTranspose", [(1, 8, 5, 5), (8, 4, 2, 2)], (1, 4, 10, 10), {}, 200 * 4 * 4),
        ("QLinearConv", [(1, 3, 4, 4), (), (), (2, 3, 1, 1)], (1, 2, 4, 4), {}, 32 * 3),
        ("ConvInteger", [(1, 3, 4, 4), (2, 3, 1, 1)], (1, 2, 4, 4), {}, 32 * 3),
        ("MatMul", [(7, 2, 3), (3, 4)], (7, 2, 4), {}, 7 * 2 * 4 * 3),
        ("MatMulInteger", [(2, 3), (3, 4)], (2, 4), {}, 24),
        ("Gemm", [(3, 2), (3, 4)], (2, 4), {"transA": 1}, 24),
        ("GRU", [(5, 2, 3), (1, 12, 3), (1, 12, 4)], (5, 1, 2, 4), {}, 10 * (36 + 48)),
        ("Einsum", [(2, 3), (3, 4)], (2, 4), {"equation": b"ij,jk->ik"}, 24),
        ("Einsum", [(2, 3)], (3, 2), {"equation": b"ij->ji"}, 0),
        ("Relu", [(2, 3)], (2, 3), {}, 0),
        ("Conv", [None, (16, 2, 3, 3)], None, {}, None),
        ("MatMul", [(None, 3), (3, 4)], (None, 4), {}, None),
        ("Conv", [], (1, 16, 10, 10), {}, None),
        ("Loop", [], (1,), {}, None),
    ],
)
def test_onnx_arithmetic(kind: str, shapes: list, output: tuple | None, attributes: dict, macs: int | None) -> None:
    assert of_onnx("", kind, shapes, output, attributes) == macs


def test_an_operator_of_a_foreign_domain_is_never_guessed() -> None:
    assert of_onnx("mine", "Relu", [(2, 3)], (2, 3), {}) is None


@pytest.mark.parametrize(
    ("kind", "shapes", "output", "macs"),
    [
        ("CONV_2D", [(1, 8, 8, 6), (4, 3, 3, 2)], (1, 8, 8, 4), 256 * 18),
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 6), (1, 3, 3, 6)], (1, 8, 8, 6), 384 * 9),
        ("TRANSPOSE_CONV", [(4,), (4, 2, 2, 8), (1, 5, 5, 8)], (1, 10, 10, 4), 200 * 16),
        ("FULLY_CONNECTED", [(2, 3), (4, 3)], (2, 4), 24),
        ("BATCH_MATMUL", [(7, 2, 3), (7, 3, 4)], (7, 2, 4), 7 * 24),
        ("UNIDIRECTIONAL_SEQUENCE_RNN", [(2, 5, 3), (4, 3), (4, 4), (4,), (2, 4)], (2, 5, 4), 10 * 28),
        ("SVDF", [(2, 3), (8, 3), (8, 10), (4,), (2, 80)], (2, 4), 2 * (24 + 80)),
        ("ADD", [(2, 3), (2, 3)], (2, 3), 0),
        ("WHILE", [(2, 3)], (2, 3), None),
        ("CONV_2D", [(1, 8, 8, 6), None], (1, 8, 8, 4), None),
    ],
)
def test_tflite_arithmetic(kind: str, shapes: list, output: tuple, macs: int | None) -> None:
    assert of_tflite(kind, shapes, output) == macs


CORPUS = sorted((Path(__file__).parent / "corpus").glob("*-*"))


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_what_the_fuzzer_found(file: Path, tmp_path: Path) -> None:
    """Each is described or refused; the process limits of `inspect` would hide neither an exception nor a crash."""
    format_name = file.name.partition("-")[0]
    try:
        json.dumps(read(file, format_name, {}))
    except Malformed as refusal:
        assert refusal.problem


@pytest.mark.build
@pytest.mark.parametrize(
    ("name", "macs", "parameters"),
    [("mobilenet_v2", 300_774_272, 3_487_816), ("squeezenet", 835_814_912, 1_248_424)],
)
def test_models_of_the_zoo(name: str, macs: int, parameters: int) -> None:
    """Sums over the layers as the papers list them (batch 1, 224 x 224); all formats count the very same."""
    from mobilebench.models import obtain

    files = obtain.ensure(name)
    found: list[Description] = [inspect(files.folder / one.path) for one in files.manifest.formats.values()]
    assert {one.macs for one in found} == {macs}
    assert {one.parameters for one in found} == {parameters} == {files.manifest.parameters}


@pytest.mark.parametrize("name", EVERY)
def test_every_weight_belongs_to_the_operator_that_computes_with_it(tmp_path: Path, name: Format) -> None:
    found = inspect(EVERY[name](tmp_path), shapes=SHAPES.get(name))
    assert sum(one.parameters for one in found.operators) == PARAMETERS
    assert {one.parameters for one in found.operators if one.macs} in ({112, 25}, {108, 20})


def test_weights_that_are_only_unpacked_belong_to_what_reads_them_then(tmp_path: Path) -> None:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(np.zeros((8, 1, 3, 3), np.int8), "packed")
    scale = numpy_helper.from_array(np.array(0.5, np.float32), "scale")
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["packed", "scale"], ["filters"]),
            helper.make_node("Conv", ["image", "filters"], ["deep"], group=8),
            helper.make_node("Conv", ["grey", "filters"], ["wide"]),
            helper.make_node("Reshape", ["deep", "sizes"], ["answer"]),
        ],
        "packed",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 8, 5, 5]),
            helper.make_tensor_value_info("grey", TensorProto.FLOAT, [1, 1, 5, 5]),
        ],
        [
            helper.make_tensor_value_info("answer", TensorProto.FLOAT, [72]),
            helper.make_tensor_value_info("wide", TensorProto.FLOAT, [1, 8, 3, 3]),
        ],
        [weights, scale, numpy_helper.from_array(np.array([72]), "sizes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    (tmp_path / "packed.onnx").write_bytes(model.SerializeToString())
    found = {one.label: one for one in inspect(tmp_path / "packed.onnx").operators}
    assert (found["Conv (depthwise)"].count, found["Conv (depthwise)"].parameters) == (1, 72)
    assert (found["Conv"].count, found["Conv"].parameters) == (1, 0), "a grey picture's filters see its only channel"
    assert found["DequantizeLinear"].parameters == 0


def _operators(facts: dict[str, Any]) -> list[tuple[str, str, int, int | None]]:
    return [(one["type"], one["domain"], one["count"], one["macs"]) for one in facts["operators"]]
