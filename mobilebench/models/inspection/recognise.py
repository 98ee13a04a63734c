"""Recognises a file's format by its first bytes, and says what a file is that is no model."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from pathlib import Path
from typing import NamedTuple

from mobilebench.core.errors import BadInput
from mobilebench.models.inspection import wire
from mobilebench.models.inspection.malformed import Malformed
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
    actual = _format(path, file)
    if expected and actual != expected:
        raise BadInput(f"{path} is {_TITLES[actual]}, not {_TITLES[expected]}.", hint="Leave the format out.")
    by_extension = [name for name, endings in _ENDINGS.items() if file.suffix.lower() in endings]
    if by_extension and actual not in by_extension:
        raise BadInput(
            f"{path} is named like {_TITLES[by_extension[0]]} but is {_TITLES[actual]}.",
            hint=f"Rename it to {file.with_suffix(_ENDINGS[actual][0]).name} if that is what it is meant to be.",
        )
    return file, actual


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
    raise BadInput(f"{path} is a folder without a model: it has neither saved_model.pb nor model.json.", hint=_HINT)


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
    if other := mistaken_for(file, head):
        raise BadInput(f"{path} {other.says}.", hint=other.hint or _HINT)
    if head.lstrip()[:1] == b"{":
        return "tfjs"
    found = _protobuf(memoryview(head))
    if found is not None and file.suffix.lower() != ".mlmodel":
        return found
    if _is_graph(memoryview(head)):
        raise BadInput(
            f"{path} is a TensorFlow graph (a frozen model?), not a model that can be read.",
            hint="Save the model as SavedModel, and use that folder.",
        )
    if other := _mistaken_by_name(file):
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


_UNPACK = "Unpack it first, and use the model in it."
_FROM_KERAS = "Save the model as SavedModel (`model.export(FOLDER)` in Keras), and use that folder."
_FROM_TORCH = "Export the model as ONNX (`torch.onnx.export`), and use that file."
_AGAIN = "Download it again, and check whether its address requires a login."
_READ = "Only ONNX, TensorFlow Lite, SavedModel and TF.js models can be read."


class Mistaken(NamedTuple):
    """What a file is instead of a model; `says` completes a sentence that begins with "FILE "."""

    says: str
    hint: str = ""


_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x1f\x8b", "a gzip archive", _UNPACK),
    (0, b"BZh", "a bzip2 archive", _UNPACK),
    (0, b"\xfd7zXZ\0", "an xz archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\x89HDF", "an HDF5 file (Keras' old format)", _FROM_KERAS),
    (4, b"ORTM", "a model in ONNX Runtime's own format", "Use the .onnx file from which it was made."),
    (0, b"GGUF", "a GGUF file", _READ),
    (0, b"\x93NUMPY", "a numpy array", _READ),
    (0, b"ftrt", "a TensorRT engine", "Use the ONNX file from which it was made."),
    (0, b"\x89PNG", "a PNG image", ""),
    (0, b"\xff\xd8\xff", "a JPEG image", ""),
    (0, b"GIF8", "a GIF image", ""),
    (8, b"WEBP", "a WebP image", ""),
    (0, b"%PDF", "a PDF document", ""),
    (0, b"\x7fELF", "a program", ""),
    (0, b"MZ", "a Windows program", ""),
    (0, b"\xca\xfe\xba\xbe", "a Java class or a macOS program", ""),
    (0, b"7767517\n", "an NCNN model", "Use the ONNX file from which it was made."),
)
_NAMED: tuple[tuple[str, str, str], ...] = (
    (r"\.mlmodel$", "a Core ML model", _READ),
    (r"\.mnn$", "an MNN model", "Use the model from which it was made."),
    (r"\.(pdmodel|pdiparams)$", "a PaddlePaddle model", "Export it as ONNX (`paddle2onnx`), and use that file."),
    (r"\.(ckpt|index|meta)$|\.data-\d+-of-\d+$", "part of a TensorFlow checkpoint", "Save the model as SavedModel."),
    (r"\.bin$", "a file of weights alone", "Use the model itself, as ONNX or TensorFlow Lite."),
    (r"\.(engine|plan|trt)$", "a TensorRT engine", "Use the ONNX file from which it was made."),
)
"""Extensions of files whose content does not identify them."""
_POINTERS = (b"version https://git-lfs", b"version https://hawser")
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Byte order marks."""

_TENSORFLOW_JS = ("modelTopology", "weightsManifest", "class_name", "model_config")
_ERROR_WORDS = ("error", "errors", "message", "detail", "status", "documentation_url", "code", "reason")
_ERROR_TEXT = re.compile(
    r"(not found|entry not found|access ?denied|forbidden|unauthori[sz]ed|invalid (username|credentials)|"
    r"bad gateway|service unavailable|too many requests|internal server error|"
    r"repository not found|error|404|403|401)\b",
    re.IGNORECASE,
)


def mistaken_for(file: Path, head: bytes) -> Mistaken | None:
    """What the file is, by its first bytes or, for a zip archive, its members; None if it is not recognised."""
    if not head.strip(b"\0"):
        return Mistaken(
            "begins with zeros only, so it is not a model",
            "Copy or download it again.",
        )
    if head.startswith(_POINTERS):
        return Mistaken("is a pointer of Git LFS, not the file itself", "Run `git lfs pull` first.")
    for place, magic, title, hint in _MAGIC:
        if head[place : place + len(magic)] == magic:
            return Mistaken(f"is {title}, not a model that can be read", hint)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(file)
    if _PICKLE.match(head):
        return Mistaken("is a Python pickle (an old PyTorch file?), not a model that can be read", _FROM_TORCH)
    if re.match(rb".{8}\{\s*\"", head, re.DOTALL) and int.from_bytes(head[:8], "little") < 2**28:
        return Mistaken("is a safetensors file: weights without the model", "Export the model itself as ONNX.")
    return _text(head)


def _mistaken_by_name(file: Path) -> Mistaken | None:
    """What a file is by its name, if its content is no model; None if the name is not recognised."""
    for ending, title, hint in _NAMED:
        if re.search(ending, file.name, re.IGNORECASE):
            return Mistaken(f"is named like {title}, which cannot be read", hint)
    return None


def _zip(file: Path) -> Mistaken:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return Mistaken("is a zip archive that is cut short or damaged", "Copy or download it again.")
    if "config.json" in names and any(name.endswith(".weights.h5") for name in names):
        return Mistaken("is a Keras file, not a model that can be read", _FROM_KERAS)
    if any(re.search(r"(^|/)(data\.pkl|constants\.pkl)$", name) for name in names):
        script = any("/code/" in f"/{name}" for name in names)
        title = "a TorchScript file" if script else "a PyTorch file"
        return Mistaken(f"is {title}, not a model that can be read", _FROM_TORCH)
    if any(name.split("/")[0].endswith(".mlpackage") or name.endswith(".mlmodel") for name in names):
        return Mistaken("is a Core ML package, not a model that can be read", _READ)
    if names and all(name.endswith(".npy") for name in names):
        return Mistaken("is numpy's archive of arrays (.npz), not a model that can be read", _READ)
    if inner := [name for name in names if name.endswith((".tflite", ".onnx"))]:
        return Mistaken(
            f"is a zip archive that contains {', '.join(inner[:3])}, not a model itself",
            f"Unpack it first, and use {inner[0]}.",
        )
    return Mistaken("is a zip archive, not a model that can be read", _UNPACK)


def _text(head: bytes) -> Mistaken | None:
    """Recognises text: error messages, web pages, other frameworks' descriptions, JSON with a byte order mark."""
    mark = next((one for one in _MARKS if head.startswith(one)), None)
    try:
        text = head.decode(_MARKS[mark] if mark else "utf-8", "ignore")
    except UnicodeDecodeError:
        return None
    if any(ord(letter) < 32 and letter not in "\t\n\r\f" for letter in text[:1024]) or "\0" in text:
        return None
    plain = text.lstrip("\ufeff \t\r\n")
    if plain.startswith("{"):
        if mark and any(f'"{key}"' in plain for key in _TENSORFLOW_JS):
            return Mistaken("begins with a byte order mark, which JSON must not have", "Save it as UTF-8 without one.")
        return _json(plain)
    if plain.startswith(("[", '"')):
        return Mistaken("is JSON but not a TF.js model.json", _READ)
    if re.match(r"<!doctype html|<html|<head|<body", plain, re.IGNORECASE):
        return Mistaken("contains a web page, not a model", _AGAIN)
    if plain.startswith("<"):
        return _xml(plain)
    if _ERROR_TEXT.match(plain) or (len(head) < 512 and _ERROR_TEXT.search(plain)):
        return Mistaken(f"contains an error message, not a model ({_shown(plain)})", _AGAIN)
    if re.match(r"node\s*\{", plain):
        return Mistaken("is a TensorFlow graph as text, not a model that can be read", "Save it as SavedModel.")
    if plain.startswith("ir_version:"):
        return Mistaken("is an ONNX model as text, not in its binary form", "Save it with `onnx.save`.")
    if mark or (plain[:1].isalpha() and text.isascii()):
        return Mistaken(f"contains text, not a model ({_shown(plain)})", _READ)
    return None


def _json(text: str) -> Mistaken | None:
    """What JSON is if it is no TF.js model; None if it may be one."""
    if any(f'"{key}"' in text for key in _TENSORFLOW_JS) or len(text) >= 4096:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    keys = [key for key in (found or {}) if key.lower() in _ERROR_WORDS]
    if keys and len(keys) * 2 >= len(found or {}):
        return Mistaken(f"contains an error message, not a model ({_shown(str((found or {})[keys[0]]))})", _AGAIN)
    return (
        Mistaken("is JSON but not a TF.js model: it lacks modelTopology and weightsManifest", _READ) if found else None
    )


def _xml(text: str) -> Mistaken:
    if "<PMML" in text:
        return Mistaken("is a PMML file, not a model that can be read", _READ)
    if re.search(r"<net\s", text):
        return Mistaken("is an OpenVINO model, not one that can be read", "Use the model from which it was made.")
    if re.search(r"<Error|<Code>|<Message>", text):
        return Mistaken("contains an error message, not a model", _AGAIN)
    return Mistaken("is XML, not a model that can be read", _READ)


def _shown(text: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= 80 else f"{line[:80]} …"
