"""What a file leaves open, or says of several things at once: asked for, or refused before anything is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

from mobilebench.core.errors import BadInput
from mobilebench.engines.web_engines import LITERTJS
from mobilebench.models.inspection.graph import shared_names
from mobilebench.models.inspection.inspecting import inspect
from mobilebench.models.user_models import importer, input_specs
from mobilebench.models.user_models.importer import ImportOptions
from tests.pinning import Pinned

from .making_onnx import save

FILES = Path(__file__).parent / "files"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def refused(file: Path, *inputs: str, signature: str | None = None) -> BadInput:
    given = tuple(input_specs.parse_input(text) for text in inputs)
    with pytest.raises(BadInput) as caught:
        importer.add(file, ImportOptions(inputs=given, signature=signature))
    return caught.value


def tflite(path: Path, inputs: list[tuple[str, list[int]]], outputs: list[str]) -> Path:
    """One ADD for each output, of the first input and the last; a name may stand there several times."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def tensor(name: str, shape: list[int]) -> Any:
        made = schema.TensorT()
        made.name, made.shape, made.type = name, shape, schema.TensorType.FLOAT32
        return made

    def add(output: int) -> Any:
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = 0, [0, len(inputs) - 1], [output]
        made.builtinOptionsType, made.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
        return made

    model, graph, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    graph.tensors = [*(tensor(name, shape) for name, shape in inputs), *(tensor(name, [1, 4]) for name in outputs)]
    places = range(len(inputs), len(inputs) + len(outputs))
    graph.inputs, graph.outputs = list(range(len(inputs))), list(places)
    graph.operators = [add(place) for place in places]
    model.version, model.description, model.buffers = 3, "test", [schema.BufferT()]
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def test_two_inputs_of_one_name_are_refused(pinned: Pinned) -> None:
    pinned(refused(FILES / "same_names.tflite").message)


@pytest.mark.parametrize(
    ("inputs", "outputs", "says"),
    [
        ([("x", [1, 4]), ("x", [1, 1])], ["y"], "two inputs are called `x`"),
        ([("", [1, 4]), ("", [1, 4])], ["y"], "2 inputs have no name"),
        ([("a", [1, 4]), ("b", [1, 4])], ["y", "y"], "two outputs are called `y`"),
        ([("a", [1, 4]), ("a", [1, 4]), ("a", [1, 4])], ["y"], "three inputs are called `a`"),
    ],
)
def test_names_that_several_tensors_have_are_refused(
    tmp_path: Path, inputs: list[tuple[str, list[int]]], outputs: list[str], says: str
) -> None:
    assert says in refused(tflite(tmp_path / "net.tflite", inputs, outputs)).message


def test_an_input_that_is_an_output_too_has_one_name_by_right(tmp_path: Path) -> None:
    file = tflite(tmp_path / "net.tflite", [("x", [1, 4]), ("y", [1, 4])], ["x"])
    assert inspect(file).shared_names == []
    assert shared_names("inputs", ["a", "b"]) == []


def test_several_signatures_are_named_and_none_is_taken_silently(pinned: Pinned) -> None:
    file = FILES / "two_tf.tflite"
    shown = inspect(file)
    assert (shown.signatures, shown.signature) == (["decode", "encode"], "decode")
    error = refused(file)
    pinned(error.message)
    assert "--signature decode" in str(error.hint)
    pinned(refused(file, signature="other").message)


def test_an_unknown_rank_is_asked_for(pinned: Pinned) -> None:
    error = refused(FILES / "unknown_rank_elementwise.onnx")
    pinned(error.message)
    assert "--input x=1x128:float32 (`scalar`" in str(error.hint)


@pytest.mark.slow
def test_an_unknown_rank_of_a_tflite_model_is_asked_for(pinned: Pinned) -> None:
    error = refused(FILES / "unknown_rank.tflite")
    pinned(error.message)


def test_a_scalar_of_a_converter_that_tells_no_rank_stays_a_scalar(tmp_path: Path) -> None:
    file = tflite(tmp_path / "net.tflite", [("x", []), ("y", [1, 4])], ["z"])
    assert [(one.shape, one.rank_known) for one in inspect(file).inputs] == [([], True), ([1, 4], True)]


@pytest.mark.build
@pytest.mark.parametrize(
    ("file", "name"), [("unknown_rank_elementwise.onnx", "x"), ("unknown_rank.tflite", "serving_default_x:0")]
)
def test_sizes_given_for_an_unknown_rank_are_taken(file: str, name: str) -> None:
    given = (input_specs.parse_input(f"{name}=2x8"),)
    manifest = importer.add(FILES / file, ImportOptions(inputs=given)).files.manifest
    (entry,) = manifest.formats.values()
    assert manifest.inputs[0].shape == [2, 8]
    assert entry.open_inputs == [manifest.inputs[0].name]


@pytest.mark.build
def test_keras_usual_open_batch_is_known_to_be_none_of_litertjs() -> None:
    given = (input_specs.parse_input("serving_default_keras_tensor:0=1x4"),)
    files = importer.add(FILES / "keras_dense.tflite", ImportOptions(inputs=given)).files
    assert "takes no model with open sizes" in str(LITERTJS.why_not_model(files))


def test_a_scalar_takes_no_sizes(tmp_path: Path, pinned: Pinned) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [])
    file = save(tmp_path / "net.onnx", [helper.make_node("Relu", ["x"], ["y"])], [x], [y], {})
    pinned(refused(file, "x=2").message)


@pytest.mark.parametrize("given", [(), ("x=1x8",)], ids=["as it is", "with a size"])
def test_a_size_of_0_is_refused_whatever_is_said(given: tuple[str, ...], pinned: Pinned) -> None:
    pinned(refused(FILES / "batch_zero_placeholder.onnx", *given).message)


def test_a_size_of_0_behind_the_batch_is_refused_too(tmp_path: Path, pinned: Pinned) -> None:
    file = tflite(tmp_path / "net.tflite", [("x", [1, 0])], ["y"])
    pinned(refused(file).message)


def test_outputs_that_are_no_tensors_are_refused(tmp_path: Path, pinned: Pinned) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, [1, 4])
    file = save(tmp_path / "net.onnx", [helper.make_node("SequenceConstruct", ["x"], ["y"])], [x], [y], {})
    pinned(refused(file).message)


def test_an_output_that_is_listed_twice_is_refused(tmp_path: Path, pinned: Pinned) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    file = save(tmp_path / "net.onnx", [helper.make_node("Relu", ["x"], ["y"])], [x], [y, y], {})
    pinned(refused(file).message)
