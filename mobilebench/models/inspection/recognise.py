"""Recognises a file's format by its first bytes, and says what a file is that is no model."""

from __future__ import annotations

import stat
from pathlib import Path

from mobilebench.core.errors import BadInput
from mobilebench.models.inspection import wire
from mobilebench.models.inspection.malformed import Malformed
from mobilebench.models.inspection.mistaken import mistaken, named
from mobilebench.models.manifest import Format

MAX_BYTES = 2**31 - 1
"""Largest size of one file, the limit of protobuf and of FlatBuffers."""

_TITLES: dict[Format, str] = {
    "tflite": "a TensorFlow Lite model",
    "onnx": "an ONNX model",
    "tfjs": "a TF.js model.json",
    "saved_model": "a TensorFlow SavedModel",
}
_ENDINGS: dict[Format, tuple[str, ...]] = {
    "tflite": (".tflite", ".lite"),
    "onnx": (".onnx",),
    "tfjs": (".json",),
    "saved_model": (".pb",),
}
_HINT = "Models are .onnx or .tflite files, SavedModel folders, and TF.js model.json files."


def recognise(path: Path, expected: Format | None = None) -> tuple[Path, Format]:
    """The file to open and its format, determined from the content.

    Args:
        path: a file, or a folder with a SavedModel.
        expected: the format that was requested.

    Raises:
        BadInput: there is no such file, it cannot be read, is no model, too large, or of another format than its
            name or the caller says.
    """
    file = _file_of(path)
    size = _size(file)
    if size == 0:
        raise BadInput(f"{path} is empty.", hint=_HINT)
    if size > MAX_BYTES:
        raise BadInput(
            f"{path} has {size / 2**30:.1f} GiB in one file; models can have at most 2 GiB.",
            hint="ONNX models of this size keep their weights in external data files.",
        )
    found = _format(path, file)
    if expected and found != expected:
        raise BadInput(f"{path} is {_TITLES[found]}, not {_TITLES[expected]}.", hint="Leave the format out.")
    named = [name for name, endings in _ENDINGS.items() if file.suffix.lower() in endings]
    if named and found not in named:
        raise BadInput(
            f"{path} is named like {_TITLES[named[0]]} but is {_TITLES[found]}.",
            hint=f"Rename it to {file.with_suffix(_ENDINGS[found][0]).name} if that is what it is meant to be.",
        )
    return file, found


def _file_of(path: Path) -> Path:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if stat.S_ISREG(mode):
        return path
    if not stat.S_ISDIR(mode):
        raise BadInput(f"{path} is neither a file nor a folder (a device, a pipe or a socket).", hint=_HINT)
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise _unreadable(path, error) from error
    for name in ("saved_model.pb", "model.json"):
        if name in names and (path / name).is_file():
            return path / name
    models = [name for name in names if name.endswith((".onnx", ".tflite"))]
    if models:
        raise BadInput(f"{path} is a folder, not a model.", hint=f"Give a file in it, such as {path / models[0]}.")
    if graphs := [name for name in names if name.endswith(".json") and _is_tfjs(path / name)]:
        raise BadInput(
            f"{path} is a folder with several TF.js models." if len(graphs) > 1 else f"{path} has no model.json.",
            hint=f"Give a file in it, such as {path / graphs[0]}.",
        )
    if path.suffix == ".mlpackage":
        raise BadInput(f"{path} is a Core ML package, not a model that can be read.", hint=_HINT)
    if "variables" in names:
        raise BadInput(
            f"{path} is a SavedModel's folder without its saved_model.pb.", hint="Copy the whole folder again."
        )
    raise BadInput(f"{path} is a folder without a model: it holds no saved_model.pb and no model.json.", hint=_HINT)


def _is_tfjs(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            head = stream.read(4096)
    except OSError:
        return False
    return b'"modelTopology"' in head or b'"weightsManifest"' in head


def _size(file: Path) -> int:
    try:
        mode = file.stat()
    except OSError as error:
        raise _unreadable(file, error) from error
    return mode.st_size


def _format(path: Path, file: Path) -> Format:
    try:
        with file.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise _unreadable(path, error) from error
    if head[4:8] == b"TFL3":
        return "tflite"
    if other := mistaken(file, head):
        raise BadInput(f"{path} {other.says}.", hint=other.hint or _HINT)
    if head.lstrip()[:1] == b"{":
        return "tfjs"
    found = _protobuf(memoryview(head))
    if found is not None and file.suffix.lower() != ".mlmodel":
        return found
    if _is_graph(memoryview(head)):
        raise BadInput(
            f"{path} is a TensorFlow graph (a frozen model?), not a model that can be read.",
            hint="Save the model as SavedModel, and give that folder.",
        )
    if other := named(file):
        raise BadInput(f"{path} {other.says}.", hint=other.hint)
    raise BadInput(f"{path} is not a model that can be read.", hint=_HINT)


def _protobuf(head: memoryview) -> Format | None:
    """ONNX begins with its IR version and then has many fields; a SavedModel has its version and meta graphs."""
    seen = _leading(head)
    numbers = [number for number, _ in seen]
    if numbers[:2] == [1, 2] and seen[0][1] == wire.VARINT and set(numbers) <= {1, 2} and _is_meta_graph(head):
        return "saved_model"
    fits = all(kind == _ONNX_KINDS.get(number, kind) and number <= _LAST_ONNX_FIELD for number, kind in seen)
    return "onnx" if fits and any(number in _ONNX_KINDS for number in numbers) else None


def _is_graph(head: memoryview) -> bool:
    """A GraphDef begins with nodes, each of which begins with its name and its operator."""
    seen = _leading(head)
    if not seen or any(number > 4 for number, _ in seen) or seen[0] != (1, wire.LENGTH):
        return False
    _, start = wire.varint(head, 1, len(head))
    node = _leading(head[start:])[:2]
    return node == [(1, wire.LENGTH), (2, wire.LENGTH)]


_ONNX_KINDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
"""Field of ModelProto to its wire kind."""
_LAST_ONNX_FIELD = 40


def _leading(head: memoryview) -> list[tuple[int, int]]:
    """Number and kind of the top-level fields that begin within `head`; empty if one of them is not valid."""
    found: list[tuple[int, int]] = []
    place = 0
    while place < len(head):
        try:
            tag, after = wire.varint(head, place, len(head))
            number, kind = tag >> 3, tag & 7
            if number == 0 or kind not in _STEPS:
                return []
            length, after = wire.varint(head, after, len(head)) if _STEPS[kind] is None else (0, after)
        except Malformed:
            break
        found.append((number, kind))
        place = after + (_STEPS[kind] or (length if kind == wire.LENGTH else 0))
    return found


_STEPS = {wire.VARINT: None, wire.LENGTH: None, wire.FIXED64: 8, wire.FIXED32: 4}
"""Kind of a field to its bytes after the tag; None: a varint follows."""


def _is_meta_graph(head: memoryview) -> bool:
    """A MetaGraphDef begins with its MetaInfoDef (1) or GraphDef (2), messages both; ONNX has text there."""
    try:
        place = 0
        for _ in ("tag", "version", "tag"):
            _, place = wire.varint(head, place, len(head))
        length, place = wire.varint(head, place, len(head))
        if length < 2 or place >= len(head) or head[place] not in (0x0A, 0x12):
            return False
        inner, begin = wire.varint(head, place + 1, len(head))
    except Malformed:
        return False
    return begin + inner <= place + length


def _unreadable(path: Path, error: OSError | ValueError) -> BadInput:
    if isinstance(error, FileNotFoundError):
        return BadInput(f"There is no file {path}.", hint=_HINT)
    reason = getattr(error, "strerror", None) or str(error)
    return BadInput(f"{path} cannot be read ({reason}).", hint="Check its permissions.")
