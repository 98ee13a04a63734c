"""Recognises files that are not supported models, so that an error can say what to do with them."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

_UNPACK = "Unpack it first, and give the model in it."
_FROM_KERAS = "Save the model as SavedModel (`model.export(FOLDER)` in Keras), and give that folder."
_FROM_TORCH = "Export the model as ONNX (`torch.onnx.export`), and give that file."
_AGAIN = "Download it again, and look whether its address needs a login."
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
    (4, b"ORTM", "a model in ONNX Runtime's own format", "Give the .onnx file that it was made from."),
    (0, b"GGUF", "a GGUF file", _READ),
    (0, b"\x93NUMPY", "a numpy array", _READ),
    (0, b"ftrt", "a TensorRT engine", "Give the ONNX file that it was made from."),
    (0, b"\x89PNG", "a PNG image", ""),
    (0, b"\xff\xd8\xff", "a JPEG image", ""),
    (0, b"GIF8", "a GIF image", ""),
    (8, b"WEBP", "a WebP image", ""),
    (0, b"%PDF", "a PDF document", ""),
    (0, b"\x7fELF", "a program", ""),
    (0, b"MZ", "a Windows program", ""),
    (0, b"\xca\xfe\xba\xbe", "a Java class or a macOS program", ""),
    (0, b"7767517\n", "an NCNN model", "Give the ONNX file that it was made from."),
)
_NAMED: tuple[tuple[str, str, str], ...] = (
    (r"\.mlmodel$", "a Core ML model", _READ),
    (r"\.mnn$", "an MNN model", "Give the model that it was made from."),
    (r"\.(pdmodel|pdiparams)$", "a PaddlePaddle model", "Export it as ONNX (`paddle2onnx`), and give that file."),
    (r"\.(ckpt|index|meta)$|\.data-\d+-of-\d+$", "part of a TensorFlow checkpoint", "Save the model as SavedModel."),
    (r"\.bin$", "a file of weights alone", "Give the model itself, as ONNX or TensorFlow Lite."),
    (r"\.(engine|plan|trt)$", "a TensorRT engine", "Give the ONNX file that it was made from."),
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


def mistaken(file: Path, head: bytes) -> Mistaken | None:
    """What the file is, by its first bytes or, for a zip archive, its members; None if it is not recognised."""
    if not head.strip(b"\0"):
        return Mistaken(
            "begins with nothing but zeros, so it is not a model",
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


def named(file: Path) -> Mistaken | None:
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
            f"is a zip archive that holds {', '.join(inner[:3])}, not a model itself",
            f"Unpack it first, and give {inner[0]}.",
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
        return Mistaken("is JSON but no TF.js model.json", _READ)
    if re.match(r"<!doctype html|<html|<head|<body", plain, re.IGNORECASE):
        return Mistaken("holds a web page, not a model", _AGAIN)
    if plain.startswith("<"):
        return _xml(plain)
    if _ERROR_TEXT.match(plain) or (len(head) < 512 and _ERROR_TEXT.search(plain)):
        return Mistaken(f"holds an error message, not a model ({_shown(plain)})", _AGAIN)
    if re.match(r"node\s*\{", plain):
        return Mistaken("is a TensorFlow graph as text, not a model that can be read", "Save it as SavedModel.")
    if plain.startswith("ir_version:"):
        return Mistaken("is an ONNX model as text, not in its binary form", "Save it with `onnx.save`.")
    if mark or (plain[:1].isalpha() and text.isascii()):
        return Mistaken(f"holds text, not a model ({_shown(plain)})", _READ)
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
        return Mistaken(f"holds an error message, not a model ({_shown(str((found or {})[keys[0]]))})", _AGAIN)
    return Mistaken("is JSON but no TF.js model: it lacks modelTopology and weightsManifest", _READ) if found else None


def _xml(text: str) -> Mistaken:
    if "<PMML" in text:
        return Mistaken("is a PMML file, not a model that can be read", _READ)
    if re.search(r"<net\s", text):
        return Mistaken("is an OpenVINO model, not one that can be read", "Give the model that it was made from.")
    if re.search(r"<Error|<Code>|<Message>", text):
        return Mistaken("holds an error message, not a model", _AGAIN)
    return Mistaken("is XML, not a model that can be read", _READ)


def _shown(text: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= 80 else f"{line[:80]} …"
