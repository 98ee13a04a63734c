"""Models with several signatures: one is chosen, and it alone is what is kept, asked and measured."""

from __future__ import annotations

import shlex
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from mobilebench.core.errors import BadInput
from mobilebench.models.inspection import signatures, tflite_signature
from mobilebench.models.inspection.graph import shown_name
from mobilebench.models.inspection.inspecting import inspect
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.user_models import importer
from mobilebench.models.user_models.importer import ImportOptions
from tests.pinning import Pinned

FILES = Path(__file__).parent / "files"
ODD = 'it\'s "odd" $(x) `y`; \n-z'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def tensor(name: str, buffer: int = 0, dtype: int = schema.TensorType.FLOAT32, shape: list[int] | None = None) -> Any:
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, [1, 4] if shape is None else shape, dtype, buffer
    return made


def operator(code: int, inputs: list[int], outputs: list[int], kind: str = "NONE", options: Any = None) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
    made.builtinOptionsType, made.builtinOptions = getattr(schema.BuiltinOptions, kind), options
    return made


def subgraph(tensors: list[Any], inputs: list[int], outputs: list[int], operators: list[Any]) -> Any:
    made = schema.SubGraphT()
    made.tensors, made.inputs, made.outputs, made.operators = tensors, inputs, outputs, operators
    return made


def adding(name: str, buffer: int) -> Any:
    """A graph that adds a constant."""
    tensors = [tensor(f"{name}_in"), tensor(f"{name}_c", buffer), tensor(f"{name}_out")]
    return subgraph(tensors, [0], [2], [operator(0, [0, 1], [2], "AddOptions", schema.AddOptionsT())])


def looping(condition: int, body: int) -> Any:
    """A graph with a While."""
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = condition, body
    return subgraph([tensor("loop_in"), tensor("loop_out")], [0], [1], [operator(1, [0], [1], "WhileOptions", options)])


def below_ten() -> Any:
    """Whether the first element is below a constant, as a scalar."""
    tensors = [
        tensor("cond_in"),
        tensor("axes", 5, schema.TensorType.INT32, [2]),
        tensor("largest", shape=[]),
        tensor("ten", 4, shape=[]),
        tensor("cond_out", dtype=schema.TensorType.BOOL, shape=[]),
    ]
    operators = [
        operator(2, [0, 1], [2], "ReducerOptions", schema.ReducerOptionsT()),
        operator(3, [2, 3], [4], "LessOptions", schema.LessOptionsT()),
    ]
    return subgraph(tensors, [0], [4], operators)


def signature(key: str, graph: int, first: str, last: tuple[str, int]) -> Any:
    """A signature whose input and output have other names than the tensors."""

    def named(name: str, place: int) -> Any:
        made = schema.TensorMapT()
        made.name, made.tensorIndex = name, place
        return made

    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = key.encode(), graph
    made.inputs, made.outputs = [named(first, 0)], [named(*last)]
    return made


def save(path: Path, subgraphs: list[Any], own: list[Any], metadata: bytes | None = None) -> Path:
    """Buffers 1 to 3 hold the constants 1, 2 and 3 to add, 4 the 10 of the loop, 5 the axes of its condition."""
    import flatbuffers

    def code(number: int) -> Any:
        made = schema.OperatorCodeT()
        made.builtinCode = made.deprecatedBuiltinCode = number
        made.version = 1
        return made

    def buffer(data: bytes | None) -> Any:
        made = schema.BufferT()
        made.data = None if data is None else list(data)
        return made

    known = schema.BuiltinOperator
    model = schema.ModelT()
    model.version, model.description = 3, "test"
    model.operatorCodes = [code(one) for one in (known.ADD, known.WHILE, known.REDUCE_MAX, known.LESS)]
    held = [struct.pack("<4f", *[one] * 4) for one in (1.0, 2.0, 3.0)]
    held += [struct.pack("<f", 10.0), struct.pack("<2i", 0, 1)]
    model.buffers = [buffer(None), *map(buffer, held)]
    if metadata is not None:
        model.buffers.append(buffer(metadata))
        entry = schema.MetadataT()
        entry.name, entry.buffer = "model_control_dependencies", len(model.buffers) - 1
        model.metadata = [entry]
    model.subgraphs, model.signatureDefs = subgraphs, own
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def three(path: Path, metadata: bytes | None = None) -> Path:
    names = ("one", "two", ODD)
    own = [signature(name, place, "x", ("y", 2)) for place, name in enumerate(names)]
    return save(path, [adding(f"g{place}", place + 1) for place in range(3)], own, metadata)


def ran(file: Path, value: float = 0.0) -> float:
    """What the first graph makes of an input of these values, as engines run it."""
    interpreter = Interpreter(model_path=str(file))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.full((1, 4), value, np.float32))
    interpreter.invoke()
    return float(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0, 0])


def listed(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = Interpreter(model_path=str(file)).get_signature_list()
    return found


@pytest.mark.parametrize(("place", "name"), [(0, "one"), (1, "two"), (2, ODD)])
def test_each_of_three_signatures_can_be_the_only_one(tmp_path: Path, place: int, name: str) -> None:
    file = three(tmp_path / "net.tflite")
    before = file.read_bytes()
    assert inspect(file, signature=name).inputs[0].name == f"g{place}_in"
    tflite_signature.keep(file, name)
    shown = inspect(file)
    assert (shown.signature, shown.signatures, shown.inputs[0].name) == (name, [name], f"g{place}_in")
    assert list(listed(file)) == [name]
    assert ran(file) == place + 1
    assert len(file.read_bytes()) == len(before)


def test_an_odd_name_is_quoted_in_messages(tmp_path: Path) -> None:
    own = [signature(ODD, 0, "x", ("y", 2)), signature("two", 1, "x", ("y", 2))]
    file = save(tmp_path / "net.tflite", [adding("a", 1), adding("b", 2)], own)
    with pytest.raises(BadInput) as caught:
        importer.add(file)
    assert shlex.split(str(caught.value.hint).removesuffix("."))[-2:] == ["--signature", ODD]


def test_an_odd_name_stays_on_one_line() -> None:
    assert shown_name(ODD).isprintable()
    assert shown_name("encode") == "encode"


def test_signatures_of_one_graph_need_no_choice_and_take_one(tmp_path: Path) -> None:
    own = [signature("a", 0, "x", ("y", 2)), signature("b", 0, "left", ("right", 2))]
    file = save(tmp_path / "net.tflite", [adding("g", 1)], own)
    shown = inspect(file)
    assert (shown.signatures, shown.signature_graphs) == (["a", "b"], 1)
    importer._refuse_several_signatures(shown, None)
    tflite_signature.keep(file, "b")
    assert listed(file) == {"b": {"inputs": ["left"], "outputs": ["right"]}}


def test_a_signature_of_another_graph_than_the_first_is_not_passed_over(tmp_path: Path, pinned: Pinned) -> None:
    file = save(tmp_path / "net.tflite", [adding("a", 1), adding("b", 2)], [signature("b", 1, "x", ("y", 2))])
    with pinned.raises(BadInput):
        importer.add(file)
    tflite_signature.keep(file, "b")
    assert ran(file) == 2


def test_a_loop_of_the_chosen_signature_still_finds_its_graphs(tmp_path: Path) -> None:
    """The body is the first graph, which is what the field's default, stored nowhere, stands for."""
    own = [signature("step", 0, "x", ("y", 2)), signature("loop", 2, "x", ("y", 1))]
    file = save(tmp_path / "net.tflite", [adding("body", 3), below_ten(), looping(1, 0)], own)
    assert {one.type for one in inspect(file).operators} == {"ADD"}
    read = inspect(file, signature="loop")
    assert {one.type for one in read.operators} == {"WHILE", "ADD", "REDUCE_MAX", "LESS"}
    tflite_signature.keep(file, "loop")
    assert ran(file) == 12
    assert inspect(file).operators == read.operators


def test_a_loop_whose_graphs_lie_elsewhere_survives_too(tmp_path: Path) -> None:
    own = [signature("step", 0, "x", ("y", 2)), signature("loop", 1, "x", ("y", 1))]
    file = save(tmp_path / "net.tflite", [adding("step", 1), looping(2, 3), below_ten(), adding("body", 2)], own)
    tflite_signature.keep(file, "loop")
    assert ran(file) == 10


def test_only_graphs_that_are_called_count(tmp_path: Path) -> None:
    own = [signature("loop", 0, "x", ("y", 1)), signature("other", 3, "x", ("y", 2))]
    file = save(tmp_path / "net.tflite", [looping(1, 2), below_ten(), adding("body", 2), adding("other", 3)], own)
    assert [one.count for one in inspect(file).operators if one.type == "ADD"] == [1]


def test_the_order_of_operators_goes_with_the_graphs(tmp_path: Path) -> None:
    """Version 1, three graphs: one edge (0, 0) for the third, none for the others; numbers are doubled."""
    file = three(tmp_path / "net.tflite", metadata=bytes([2, 6, 0, 0, 2, 0, 0]))
    tflite_signature.keep(file, ODD)
    assert bytes([2, 6, 2, 0, 0, 0, 0]) in file.read_bytes()


def test_an_order_of_operators_that_cannot_be_read_is_refused(tmp_path: Path, pinned: Pinned) -> None:
    file = three(tmp_path / "net.tflite", metadata=bytes([2, 6, 0, 0, 8, 0]))
    with pinned.raises(Malformed):
        tflite_signature.keep(file, "two")


def test_a_cut_file_does_no_worse_than_being_refused(tmp_path: Path) -> None:
    whole = three(tmp_path / "net.tflite").read_bytes()
    cut = tmp_path / "cut.tflite"
    for length in range(8, len(whole), 16):
        cut.write_bytes(whole[:length])
        try:
            tflite_signature.keep(cut, "two")
        except Malformed:
            continue


@pytest.mark.parametrize(("name", "inputs"), [("encode", ["encode_x"]), ("decode", ["decode_z"])])
@pytest.mark.build
def test_both_signatures_of_a_file_can_be_added(name: str, inputs: list[str]) -> None:
    file = FILES / "two_tf.tflite"
    other = {"encode": "decode", "decode": "encode"}[name]
    files = importer.add(file, ImportOptions(signature=name, name="mine")).files
    importer.add(file, ImportOptions(signature=other, name="others"))
    manifest = files.manifest
    assert [spec.name for spec in manifest.inputs] == inputs
    assert importer.add(file, ImportOptions(signature=name)).already
    assert signatures.of(manifest) == name
    assert f"signature {name} of two signatures; file rewritten from sha256 {inspect(file).files[file.name]}" in str(
        signatures.clause(manifest)
    )


def saved(folder: Path) -> Path:
    import tensorflow as tf

    class Net(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def double(self, x: Any) -> Any:
            return {"y": 2 * x}

        @tf.function(input_signature=[tf.TensorSpec([1, 3], tf.float32, name="z")])  # type: ignore[untyped-decorator]
        def triple(self, z: Any) -> Any:
            return {"w": 3 * z}

    net = Net()
    tf.saved_model.save(net, str(folder), signatures={"serving_default": net.double, ODD: net.triple})
    return folder


@pytest.mark.build
def test_a_saved_models_signature_is_chosen_kept_and_asked_for(tmp_path: Path, pinned: Pinned) -> None:
    from mobilebench.engines import tensorflow
    from mobilebench.models.user_models import converting
    from mobilebench.verification import outputs

    folder = saved(tmp_path / "net")
    default = importer.add(folder, ImportOptions(name="plain")).files
    assert str(signatures.clause(default.manifest)) == "signature serving_default of two signatures"
    taken = importer.add(folder, ImportOptions(name="other", signature=ODD))
    assert not taken.already
    assert taken.files.folder != default.folder
    assert [spec.shape for spec in taken.files.manifest.inputs] == [[1, 3]]
    assert signatures.of_saved_model(taken.files) == ODD
    assert outputs.worker_job("answers", taken.files, "saved_model", [])["signature"] == ODD
    assert [one.path.name for one in tensorflow._model(taken.files)] == [
        "saved_model.pb",
        "variables.data-00000-of-00001",
        "variables.index",
    ]
    made = converting.convert(taken, lambda _: None).files
    assert "tflite" in made.manifest.formats, made.manifest.unsupported
    assert made.manifest.formats["tflite"].inputs.keys() == made.manifest.formats["saved_model"].inputs.keys()
    with pinned.raises(BadInput):
        importer.add(folder, ImportOptions(signature="none"))
