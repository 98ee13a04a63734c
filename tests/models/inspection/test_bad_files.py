"""What is no model, or none that can be trusted, is refused by one clear sentence; nothing hangs."""

from __future__ import annotations

import gzip
import os
import socket
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.models.inspection import wire
from mobilebench.models.inspection.inspecting import inspect
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.recognise import recognise
from mobilebench.models.inspection.worker import read
from tests.models.inspection import tiny_models
from tests.pinning import Pinned


def refused(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        inspect(path)
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert str(path.name) in caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value


def unreadable(file: Path, format_name: str) -> str:
    """Why the reader refuses a file, without a process of its own."""
    with pytest.raises(Malformed) as caught:
        read(file, format_name, {})
    return caught.value.problem


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"Dear reader, this is no model.\n" * 50, id="a letter"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(300), id="PNG"),
        pytest.param(b"\xff\xd8\xff\xe0" + bytes(300), id="JPEG"),
        pytest.param(b"\x7fELF" + bytes(300), id="program"),
        pytest.param(bytes(5000), id="zeros"),
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(300), id="HDF5"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", id="Git LFS"),
        pytest.param(b"{}", id="empty JSON"),
        pytest.param(b'{"name": "package"}', id="other JSON"),
        pytest.param(b"{" * 100_000, id="cut JSON"),
        pytest.param(b'{"modelTopology":' + b"[" * 200_000, id="deep JSON"),
        pytest.param(b"\x08\x08" + b"\xff" * 30, id="a number without end"),
    ],
)
def test_not_a_model(tmp_path: Path, content: bytes, pinned: Pinned) -> None:
    file = tmp_path / "thing"
    file.write_bytes(content)
    pinned(refused(file).message)


def test_nothing_there(tmp_path: Path, pinned: Pinned) -> None:
    pinned(refused(tmp_path / "absent.onnx").message)


def test_a_folder_without_a_model(tmp_path: Path, pinned: Pinned) -> None:
    pinned(refused(tmp_path).message)


def test_a_folder_with_a_model_file_says_which(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(tiny_models.onnx_model())
    assert "net.onnx" in str(refused(tmp_path).hint)


@pytest.mark.parametrize("kind", ["zip", "tar", "gzip"])
def test_archives_are_to_be_unpacked_first(tmp_path: Path, kind: str, pinned: Pinned) -> None:
    inner = tmp_path / "net.onnx"
    inner.write_bytes(tiny_models.onnx_model())
    archive = tmp_path / f"net.{kind}"
    match kind:
        case "zip":
            with zipfile.ZipFile(archive, "w") as packed:
                packed.write(inner, "../../net.onnx")
        case "tar":
            with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as packed_tar:
                packed_tar.add(inner, "net.onnx")
        case "gzip":
            archive.write_bytes(gzip.compress(inner.read_bytes()))
    error = refused(archive)
    assert f"{kind}" in error.message
    pinned(str(error.hint))


@pytest.mark.parametrize("ending", [".tflite", ".json", ".pb"])
def test_wrong_extension_names_both(tmp_path: Path, ending: str, pinned: Pinned) -> None:
    file = tmp_path / f"net{ending}"
    file.write_bytes(tiny_models.onnx_model())
    error = refused(file)
    pinned(error.message)
    assert "net.onnx" in str(error.hint)


def test_another_format_than_asked_for(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "net"
    file.write_bytes(tiny_models.tflite_model())
    with pinned.raises(BadInput):
        inspect(file, "onnx")


def test_three_gigabytes_are_refused_unread(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "huge.onnx"
    file.write_bytes(tiny_models.onnx_model())
    os.truncate(file, 3 * 2**30)
    begun = time.process_time()
    pinned(refused(file).message)
    assert time.process_time() - begun < 1


def test_a_sparse_file_under_the_limit_is_refused_by_its_content(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "zeros.onnx"
    file.write_bytes(tiny_models.onnx_model())
    os.truncate(file, 2**30)
    pinned(unreadable(file, "onnx"))


def test_a_pipe_a_device_and_a_socket_do_not_hang(tmp_path: Path, pinned: Pinned) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.onnx"))
        for path in (tmp_path / "pipe.onnx", Path("/dev/zero"), tmp_path / "socket.onnx"):
            pinned(refused(path).message)


@pytest.mark.slow
def test_a_pipe_inside_a_model_does_not_hang(tmp_path: Path, pinned: Pinned) -> None:
    file = tiny_models.tfjs_model(tmp_path)
    (tmp_path / "shard2.bin").unlink()
    os.mkfifo(tmp_path / "shard2.bin")
    pinned(unreadable(file, "tfjs"))


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(tiny_models.onnx_model())

    def denied(self: Path, *arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pinned.raises(BadInput):
        recognise(file)


def _saved(folder: Path) -> Path:
    return tiny_models.saved_model(folder) / "saved_model.pb"


def _file(name: str, make: Callable[[], bytes]) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        (folder / name).write_bytes(make())
        return folder / name

    return made


@pytest.mark.parametrize(
    ("format_name", "make"),
    [
        ("onnx", _file("net.onnx", tiny_models.onnx_model)),
        ("tflite", _file("net.tflite", tiny_models.tflite_model)),
        ("tfjs", tiny_models.tfjs_model),
        ("saved_model", _saved),
    ],
)
def test_cut_short_anywhere_is_refused(tmp_path: Path, format_name: str, make: Callable[[Path], Path]) -> None:
    file = make(tmp_path)
    whole = file.read_bytes()
    taken = 0
    for length in range(1, len(whole), max(1, len(whole) // 60)):
        file.write_bytes(whole[:length])
        try:
            read(file, format_name, {})
        except Malformed:
            continue
        taken += 1
    assert taken == 0


@pytest.mark.usefixtures("reader_process")
def test_cut_short_says_so(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(tiny_models.onnx_model()[:-200])
    pinned(refused(file).message)


def test_unknown_opset(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(tiny_models.onnx_model(opset=999))
    error = refused(file)
    assert "opset 999" in error.message
    assert "17" in str(error.hint)


def test_an_operator_that_onnx_does_not_have(tmp_path: Path, pinned: Pinned) -> None:
    model = tiny_models.onnx_proto()
    model.graph.node[1].op_type = "Frobnicate"
    file = tmp_path / "net.onnx"
    file.write_bytes(model.SerializeToString())
    pinned(unreadable(file, "onnx"))


def test_an_operator_that_is_younger_than_the_opset(tmp_path: Path, pinned: Pinned) -> None:
    model = tiny_models.onnx_proto(opset=17)
    model.graph.node[1].op_type = "Gelu"
    file = tmp_path / "net.onnx"
    file.write_bytes(model.SerializeToString())
    pinned(unreadable(file, "onnx"))


@pytest.mark.parametrize(
    ("location", "entries"),
    [
        pytest.param("absent.bin", {}, id="absent"),
        pytest.param("/etc/passwd", {}, id="absolute"),
        pytest.param("C:\\weights.bin", {}, id="another system"),
        pytest.param("../weights.bin", {}, id="outside"),
        pytest.param("inner/../../weights.bin", {}, id="outside by a detour"),
        pytest.param("link.bin", {}, id="link"),
        pytest.param("linked/weights.bin", {}, id="linked folder"),
        pytest.param(".", {}, id="folder"),
        pytest.param("", {}, id="no name"),
        pytest.param("weights.bin", {"offset": "1000"}, id="too far"),
        pytest.param("weights.bin", {"length": "99999999"}, id="too long"),
        pytest.param("weights.bin", {"offset": "-4"}, id="negative"),
        pytest.param("weights.bin", {"offset": "four"}, id="no number"),
        pytest.param("weights.bin", {"length": "8"}, id="too short"),
    ],
)
def test_external_data(tmp_path: Path, location: str, entries: dict[str, str], pinned: Pinned) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(10_000))
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    (folder / "linked").symlink_to(tmp_path)
    file = tiny_models.onnx_external(folder, location, **entries)
    pinned(unreadable(file, "onnx"))


@pytest.mark.parametrize("path", ["../shard1.bin", "/etc/passwd", "link.bin", "absent.bin", ""])
def test_weight_shards_stay_in_the_folder(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "model"
    (tmp_path / "shard1.bin").write_bytes(bytes(456))
    manifest = tiny_models.tfjs_json()["weightsManifest"]
    manifest[0]["paths"] = [path]
    file = tiny_models.tfjs_model(folder, weightsManifest=manifest)
    (folder / "link.bin").symlink_to(tmp_path / "shard1.bin")
    unreadable(file, "tfjs")


def test_weight_shards_of_another_size(tmp_path: Path, pinned: Pinned) -> None:
    file = tiny_models.tfjs_model(tmp_path)
    (tmp_path / "shard2.bin").write_bytes(bytes(5))
    pinned(refused(file).message)


def test_a_layers_model_says_how_to_convert(tmp_path: Path, pinned: Pinned) -> None:
    file = tiny_models.tfjs_model(tmp_path, format="layers-model")
    error = refused(file)
    pinned(error.message)
    assert "tensorflowjs_converter" in str(error.hint)


def test_a_saved_model_without_its_variables(tmp_path: Path) -> None:
    folder = tiny_models.saved_model(tmp_path / "net")
    (folder / "variables" / "variables.index").unlink()
    assert "variables.index" in refused(folder).message


def test_a_saved_model_with_a_link_out(tmp_path: Path, pinned: Pinned) -> None:
    folder = tiny_models.saved_model(tmp_path / "net")
    (folder / "assets").mkdir()
    (folder / "assets" / "words.txt").symlink_to("/etc/passwd")
    pinned(refused(folder).message)


def test_functions_that_call_themselves_for_ever(tmp_path: Path, pinned: Pinned) -> None:
    folder = tiny_models.saved_model(tmp_path / "net")
    (folder / "saved_model.pb").write_bytes(tiny_models.saved_model_proto(convolution="network"))
    pinned(refused(folder).message)


@given(
    st.binary(max_size=60), st.sampled_from([b"", b"\x08\x01\x12", b"\x08\x08\x12\x04tiny", b"\x18\0\0\0TFL3", b"{"])
)
@settings(max_examples=100, deadline=None)
def test_any_first_bytes_have_a_format_or_a_sentence(tail: bytes, head: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".x") as file:
        file.write(head + tail)
        file.flush()
        try:
            assert recognise(Path(file.name))[1] in ("onnx", "tflite", "tfjs", "saved_model")
        except BadInput as refusal:
            assert refusal.message.endswith(".")


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_wire_fields_are_written_as_they_were_read(data: bytes) -> None:
    view = memoryview(data)
    try:
        fields = list(wire.fields(view, 0, len(data)))
    except Malformed:
        return
    again = memoryview(b"".join(wire.encode(field, view) for field in fields))
    values = [(one.number, one.kind, one.value, bytes(view[one.start : one.end])) for one in fields]
    assert values == [
        (one.number, one.kind, one.value, bytes(again[one.start : one.end]))
        for one in wire.fields(again, 0, len(again))
    ]


@pytest.mark.usefixtures("reader_process")
@pytest.mark.parametrize(
    "script",
    [
        pytest.param("kill -SEGV $$", id="crash"),
        pytest.param("kill -XCPU $$", id="time"),
        pytest.param("exit 3", id="memory"),
        pytest.param("echo boom >&2; exit 1", id="error"),
        pytest.param('echo \'{"facts": {"files": []}}\'', id="wrong answer"),
    ],
)
def test_a_reader_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, pinned: Pinned) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    stand_in.chmod(0o755)
    file = tmp_path / "net.onnx"
    file.write_bytes(tiny_models.onnx_model())
    monkeypatch.setattr(sys, "executable", str(stand_in))
    pinned(refused(file).message)


@pytest.mark.usefixtures("reader_process")
def test_time_is_limited(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(tiny_models.onnx_model())
    with pinned.raises(BadInput):
        inspect(file, timeout_s=0.001)


@pytest.mark.usefixtures("reader_process")
@pytest.mark.slow
def test_memory_is_limited(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(b'{"modelTopology": [' + b"0," * 6_000_000 + b"0]}")
    with pinned.raises(BadInput):
        inspect(file, memory_bytes=64 * 2**20)
