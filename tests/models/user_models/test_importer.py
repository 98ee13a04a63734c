"""Users' own models: what is taken in, what is refused, and that nothing half is ever kept."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from mobilebench.core.errors import BadInput
from mobilebench.models import obtain, registry, user_store
from mobilebench.models.manifest import Fill
from mobilebench.models.user_models import importer, input_specs
from mobilebench.models.user_models.importer import ImportOptions
from tests.pinning import Pinned

from .making_onnx import ODD, ROWS, one_node, text_model


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "home"


def sizes(*texts: str) -> tuple[input_specs.InputOption, ...]:
    return tuple(input_specs.parse_input(text) for text in texts)


def kept(home: Path) -> list[str]:
    """What lies among the added models, whole or half."""
    room = home / "models"
    return sorted(place.name for place in room.iterdir() if place.name != ".lock") if room.is_dir() else []


@pytest.mark.slow
def test_an_added_model_is_known_everywhere_at_once(tmp_path: Path, home: Path, pinned: Pinned) -> None:
    file = text_model(tmp_path / "My Net.onnx")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    taken = importer.add(file)
    manifest = taken.files.manifest
    assert not taken.already
    assert taken.files.folder == home / "models" / sha256
    assert (manifest.model, manifest.precision, manifest.batch, manifest.source) == ("my_net", "fp32", 1, "added")
    assert (manifest.weights, manifest.seed, manifest.reference_engine) == (f"added: {sha256}", None, "onnxruntime")
    ids, factor = manifest.inputs
    assert (ids.dtype, ids.shape, ids.fill) == ("int64", [1, 8], Fill(kind="integers", low=0, high=ROWS))
    assert factor.fill == Fill(kind="uniform", low=-1, high=1)
    assert manifest.outputs == ["y_odd_name", "best"]
    assert manifest.formats["onnx"].outputs == {"y_odd_name": ODD, "best": "best"}
    assert [one.shape for one in manifest.reference] == [[1, 8, 4], [1, 8]]
    assert manifest.parameters == ROWS * 16 + 16 * 4
    assert manifest.notes == []

    assert registry.knows("my_net")
    assert "my_net" in registry.names()
    entry = registry.get("my_net")
    assert (entry.label, entry.task, isinstance(entry, user_store.AddedModel)) == ("", "user's model", True)
    assert entry.input_specs(1) == manifest.inputs
    assert registry.why_not("my_net") is None
    pinned(registry.why_not("my_net", "fp32", 4) or "")
    pinned(registry.why_not("my_net", "int8") or "")
    assert obtain.find("my_net") == taken.files
    assert obtain.find("my_net", "fp32", 4) is None
    assert obtain.ensure("my_net") == taken.files
    with pinned.raises(BadInput):
        obtain.ensure("my_net", "fp32", 2)

    again = importer.add(shutil.copy(file, tmp_path / "other.onnx"))
    assert again.already
    assert again.files.manifest.model == "my_net"
    with pinned.raises(BadInput):
        importer.add(file, ImportOptions(name="another"))
    with pinned.raises(BadInput):
        importer.add(file, ImportOptions(fills={"ids": Fill(kind="integers", low=0, high=2)}))
    other = text_model(tmp_path / "my-net.onnx", sequence=4)
    with pinned.raises(BadInput) as refused:
        importer.add(other)
    assert "--name my_my_net" in str(refused.value.hint)

    stored = taken.files.folder / "my_net.onnx"
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    with pinned.raises(BadInput):
        obtain.ensure("my_net")

    assert user_store.remove("my_net").manifest.model == "my_net"
    assert not registry.knows("my_net")
    assert kept(home) == []
    with pinned.raises(BadInput):
        user_store.remove("mobilenet_v2")


@pytest.mark.build
def test_open_sizes_are_asked_for_and_make_the_batch(tmp_path: Path, home: Path, pinned: Pinned) -> None:
    file = text_model(tmp_path / "net.onnx", batch="n", sequence="s")
    with pinned.raises(BadInput):
        importer.add(file)
    assert kept(home) == []
    manifest = importer.add(file, ImportOptions(inputs=sizes("ids=4x6:int64", "factor=4x6x16"))).files.manifest
    assert manifest.batch == 4
    assert manifest.reference[0].shape == [4, 6, 4]
    assert manifest.formats["onnx"].open_inputs == ["ids", "factor"]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(["idz=1x8"], id="unknown input"),
        pytest.param(["ids=1x8:int32"], id="another dtype"),
        pytest.param(["ids=1x8x1"], id="another rank"),
        pytest.param(["factor=1x8x17"], id="another size"),
        pytest.param(["ids=1x8", "ids=1x9"], id="twice"),
        pytest.param(["ids=999999999x999999999"], id="too large"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(tmp_path: Path, home: Path, given: list[str], pinned: Pinned) -> None:
    file = text_model(tmp_path / "net.onnx", batch="n", sequence="s")
    names = {text.partition("=")[0] for text in given}
    rest = [text for text in ("ids=1x8", "factor=1x8x16") if text.partition("=")[0] not in names]
    with pinned.raises(BadInput):
        importer.add(file, ImportOptions(inputs=sizes(*given, *rest)))
    assert kept(home) == []


@pytest.mark.parametrize("text", ["ids", "ids=", "=1x8", "ids=1x", "ids=ax8", "ids=1x8:int4", "ids=0x8", "ids=-1x8"])
def test_input_options_of_another_form_are_refused(text: str, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        input_specs.parse_input(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serving_default_x:0=1x224x224x3:float32", ("serving_default_x:0", (1, 224, 224, 3), "float32")),
        ("a=b,c=2", ("a=b,c", (2,), None)),
        ("rate=scalar:int64", ("rate", (), "int64")),
    ],
)
def test_input_options(text: str, expected: tuple[str, tuple[int, ...], str | None]) -> None:
    given = input_specs.parse_input(text)
    assert (given.name, given.shape, given.dtype) == expected


@pytest.mark.parametrize(
    "text",
    ["x", "x=uniform", "x=uniform:1:0", "x=uniform:0:nan", "x=normal:0:1", "x=integers:0:1.5", "=uniform:0:1",
     "x=integers:0:9999999999"],
)  # fmt: skip
def test_fill_options_of_another_form_are_refused(text: str, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        input_specs.parse_fill(text)


@pytest.mark.parametrize(
    "fills",
    [
        pytest.param({"nothing": Fill(kind="uniform", low=0, high=1)}, id="unknown input"),
        pytest.param({"ids": Fill(kind="integers", low=0, high=2**60)}, id="too large"),
    ],
)
def test_fills_that_do_not_fit_are_refused(tmp_path: Path, home: Path, fills: dict[str, Fill], pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        importer.add(text_model(tmp_path / "net.onnx"), ImportOptions(fills=fills))
    assert kept(home) == []


@pytest.mark.build
def test_a_value_outside_of_a_table_is_refused_in_the_engine_s_words(tmp_path: Path, home: Path) -> None:
    options = ImportOptions(fills={"ids": Fill(kind="integers", low=ROWS, high=ROWS + 1)})
    with pytest.raises(BadInput, match=r"ONNX Runtime does not run net: .*indices element out of data bounds"):
        importer.add(text_model(tmp_path / "net.onnx"), options)
    assert kept(home) == []


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(ImportOptions(name="My Net"), id="capitals and space"),
        pytest.param(ImportOptions(name="../net"), id="path"),
        pytest.param(ImportOptions(name=""), id="empty"),
        pytest.param(ImportOptions(name="mobilenet_v2"), id="taken"),
        pytest.param(ImportOptions(name="mlp_4x77"), id="member of a family"),
        pytest.param(ImportOptions(precision="fp8"), id="precision"),
        pytest.param(ImportOptions(tolerance=0), id="tolerance"),
    ],
)
def test_wishes_that_cannot_be_met(tmp_path: Path, home: Path, options: ImportOptions, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        importer.add(text_model(tmp_path / "net.onnx"), options)
    assert kept(home) == []


def _not_a_model(folder: Path) -> Path:
    (folder / "net.onnx").write_text("hello, this is no model at all")
    return folder / "net.onnx"


def _truncated(folder: Path) -> Path:
    file = text_model(folder / "net.onnx")
    file.write_bytes(file.read_bytes()[:-500])
    return file


def _misnamed(folder: Path) -> Path:
    return text_model(folder / "net.onnx").rename(folder / "net.tflite")


def _zip(folder: Path) -> Path:
    (folder / "net.onnx").write_bytes(b"PK\x03\x04" + bytes(100))
    return folder / "net.onnx"


def _sparse(folder: Path) -> Path:
    with (folder / "net.onnx").open("wb") as file:
        file.truncate(3 * 2**30)
    return folder / "net.onnx"


def _unknown_operator(folder: Path) -> Path:
    return one_node(folder / "net.onnx", "Frobnicate")


def _unknown_opset(folder: Path) -> Path:
    return one_node(folder / "net.onnx", "Relu", opset=99)


def _missing_weights(folder: Path) -> Path:
    file = _with_external_weights(folder)
    (folder / "weights.bin").unlink()
    return file


def _weights_elsewhere(folder: Path) -> Path:
    file = _with_external_weights(folder)
    model = onnx.load(str(file), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../../../../etc/passwd"
    file.write_bytes(model.SerializeToString())
    return file


def _weights_by_link(folder: Path) -> Path:
    file = _with_external_weights(folder)
    elsewhere = folder.parent / f"{folder.name}-elsewhere"
    (folder / "weights.bin").rename(elsewhere)
    (folder / "weights.bin").symlink_to(elsewhere)
    return file


def _of_no_use(folder: Path) -> Path:
    return one_node(folder / "net.onnx", "Relu", TensorProto.FLOAT16)


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "net.onnx")
    return folder / "net.onnx"


def _nothing(folder: Path) -> Path:
    return folder / "net.onnx"


def _with_external_weights(folder: Path) -> Path:
    return text_model(
        folder / "net.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
        convert_attribute=False,
    )


@pytest.mark.parametrize(
    "make",
    [
        _not_a_model,
        _truncated,
        _misnamed,
        _zip,
        _sparse,
        _unknown_operator,
        _unknown_opset,
        _missing_weights,
        _weights_elsewhere,
        _weights_by_link,
        _of_no_use,
        _pipe,
        _nothing,
    ],
)
def test_bad_files_are_refused_and_leave_nothing(
    tmp_path: Path, home: Path, make: Callable[[Path], Path], pinned: Pinned
) -> None:
    folder = tmp_path / "user"
    folder.mkdir()
    with pinned.raises(BadInput):
        importer.add(make(folder))
    assert kept(home) == []


@pytest.mark.build
def test_a_custom_operator_is_refused_in_the_engine_s_words(tmp_path: Path, home: Path) -> None:
    with pytest.raises(BadInput, match=r"com\.example"):
        importer.add(one_node(tmp_path / "net.onnx", "Frobnicate", domain="com.example"))
    assert kept(home) == []


def test_an_unreadable_file_is_refused(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    file = text_model(tmp_path / "net.onnx")
    opened = os.open

    def denied(path: object, *arguments: int, **options: int) -> int:
        if Path(str(path)).name == "net.onnx":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(importer.os, "open", denied)
    with pinned.raises(BadInput):
        importer.add(file)
    assert kept(home) == []


@pytest.mark.build
def test_external_weights_are_kept_with_their_model(tmp_path: Path) -> None:
    manifest = importer.add(_with_external_weights(tmp_path)).files.manifest
    assert set(manifest.formats["onnx"].parts) == {"weights.bin"}
    assert obtain.ensure("net").manifest == manifest


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out"])
def test_a_copy_never_leaves_its_folder(tmp_path: Path, name: str, pinned: Pinned) -> None:
    (tmp_path / "in").write_text("x")
    with pinned.raises(BadInput):
        importer.copy_hashed(tmp_path / "in", tmp_path / "shop", name)


def test_a_full_disk_leaves_nothing(tmp_path: Path, home: Path, pinned: Pinned) -> None:
    file = text_model(tmp_path / "net.onnx", width=20_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pinned.raises(BadInput):
            importer.add(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert kept(home) == []


@pytest.mark.build
def test_doubtful_outputs_are_told(tmp_path: Path, pinned: Pinned) -> None:
    file = one_node(tmp_path / "net.onnx", "Shape")
    model = onnx.load(str(file))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    model.graph.output[0].type.tensor_type.shape.dim.pop()
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(model, str(file))
    (note,) = importer.add(file).files.manifest.notes
    pinned(note)


def tfjs_model(folder: Path, operator: str) -> Path:
    """One operator between a placeholder and an output, without weights."""
    shape = {"dim": [{"size": "1"}, {"size": "4"}]}
    nodes = [
        {"name": "x", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}, "shape": {"shape": shape}}},
        {"name": "y", "op": operator, "input": ["x"], "attr": {"T": {"type": "DT_FLOAT"}}},
    ]
    tensors = {name: {name: {"name": f"{name}:0", "dtype": "DT_FLOAT", "tensorShape": shape}} for name in "xy"}
    model = {
        "format": "graph-model",
        "signature": {"inputs": tensors["x"], "outputs": tensors["y"]},
        "modelTopology": {"node": nodes, "library": {}, "versions": {}},
        "weightsManifest": [],
    }
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps(model))
    return folder


def test_without_tensorflow_a_tfjs_model_has_no_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setattr(importer.importlib.util, "find_spec", lambda name: None)
    manifest = importer.add(tfjs_model(tmp_path / "net", "Relu")).files.manifest
    assert (manifest.model, manifest.reference, manifest.reference_engine) == ("net", [], "none")
    pinned(manifest.notes[0])


def test_a_model_that_reads_files_is_refused(tmp_path: Path, home: Path, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        importer.add(tfjs_model(tmp_path / "net", "ReadFile"))
    assert kept(home) == []


_ADD = "import sys; from pathlib import Path; from mobilebench.models.user_models import importer; "


@pytest.mark.build
def test_two_adds_of_one_file_keep_it_once(tmp_path: Path, home: Path) -> None:
    file = text_model(tmp_path / "net.onnx")
    code = _ADD + "print(importer.add(Path(sys.argv[1])).files.manifest.model)"
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == [b"net", b"net"]
    assert kept(home) == [hashlib.sha256(file.read_bytes()).hexdigest()]


@pytest.mark.build
def test_a_killed_add_leaves_nothing_to_the_next(tmp_path: Path, home: Path) -> None:
    file = text_model(tmp_path / "net.onnx")
    code = _ADD + (
        "import time; from mobilebench.models.user_models import reference_client; "
        "reference_client.Engine.ask = lambda *_: (print('asked', flush=True), time.sleep(600)); "
        "importer.add(Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"asked\n", "it starts no process now, which would hold its lock for a moment"
    with user_store.workshop():
        assert len([name for name in kept(home) if name.startswith(".adding-")]) == 2, "one in use stays"
    process.kill()
    process.communicate()
    assert len(kept(home)) == 1
    taken = importer.add(file)
    assert kept(home) == [taken.files.folder.name]
