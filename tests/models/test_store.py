"""Small fake models: what is found, what is told to be damaged, and what a key follows from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.models import obtain, pins, registry, store
from mobilebench.models.build import cache
from tests.pinning import Pinned

MODEL = "bert_small"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))


def entry(folder: Path, path: str, content: bytes, parts: dict[str, bytes]) -> dict[str, Any]:
    for name, data in {path: content, **parts}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return {
        "path": path,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content) + sum(len(data) for data in parts.values()),
        "parts": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
        "inputs": {"input_ids": "a:0"},
        "outputs": {"pooled_output": "b:0"},
    }


def put(model: str = MODEL, batch: int = 1, folder: Path | None = None) -> Path:
    """A built model of a few bytes."""
    folder = folder or cache.folder_of(model, "fp32", batch)
    folder.mkdir(parents=True)
    manifest = {
        "model": model,
        "precision": "fp32",
        "batch": batch,
        "weights": "seeded",
        "seed": 1,
        "inputs": [],
        "outputs": [],
        "formats": {
            "tflite": entry(folder, "m.tflite", b"tflite bytes", {}),
            "tfjs": entry(folder, "tfjs/model.json", b"{}", {"tfjs/shard1.bin": b"12345678"}),
        },
        "reference": [],
        "tolerance": 1e-4,
        "parameters": 3,
        "built_with": {},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def change(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    edit(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def damage(model: str = MODEL) -> str:
    """What `find` says; the hint always names the command that helps."""
    with pytest.raises(BadInput) as caught:
        obtain.find(model)
    assert caught.value.hint == f"Build it again with `mobilebench models build {model}`."
    return caught.value.message


def test_what_is_not_built_is_not_found() -> None:
    assert obtain.find(MODEL) is None


def test_an_unknown_model_is_bad_input(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        obtain.find("bert_smal")


def test_what_is_built_is_found_whole() -> None:
    folder = put()
    files = obtain.find(MODEL)
    assert files is not None
    assert files.folder == folder
    assert files.file("tfjs") == folder / "tfjs" / "model.json"
    assert files.file("onnx") is None
    store.verify(files)


def test_batches_are_told_apart() -> None:
    put(batch=1)
    assert obtain.find(MODEL, batch=4) is None


@pytest.mark.parametrize("name", ["m.tflite", "tfjs/shard1.bin"])
def test_a_truncated_file_is_told(name: str, pinned: Pinned) -> None:
    folder = put()
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-3])
    message = damage()
    assert str(folder) in message
    pinned(message)


def test_a_missing_file_is_told(pinned: Pinned) -> None:
    (put() / "tfjs/shard1.bin").unlink()
    pinned(damage())


def test_the_hint_builds_the_same_batch(pinned: Pinned) -> None:
    (put(batch=4) / "m.tflite").unlink()
    with pytest.raises(BadInput) as caught:
        obtain.find(MODEL, batch=4)
    pinned(caught.value.hint)


@pytest.mark.parametrize("name", ["m.tflite", "tfjs/shard1.bin"])
def test_changed_bytes_are_told_before_a_run(name: str, pinned: Pinned) -> None:
    folder = put()
    data = bytearray((folder / name).read_bytes())
    data[2] ^= 1
    (folder / name).write_bytes(data)
    files = obtain.find(MODEL)
    assert files is not None
    with pinned.raises(BadInput):
        store.verify(files)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}'])
def test_an_unreadable_manifest_is_told(text: str, pinned: Pinned) -> None:
    (put() / "manifest.json").write_text(text)
    pinned(damage())


def test_a_missing_manifest_is_told(pinned: Pinned) -> None:
    (put() / "manifest.json").unlink()
    pinned(damage())


def test_an_unknown_field_is_told_by_its_place() -> None:
    change(put(), lambda manifest: manifest["formats"]["tflite"].update(colour="red"))
    assert "formats.tflite.colour" in damage()


@pytest.mark.parametrize("outside", ["/etc/hostname", "../other/m.tflite"])
def test_a_manifest_cannot_point_outside_its_folder(outside: str, pinned: Pinned) -> None:
    change(put(), lambda manifest: manifest["formats"]["tflite"].update(path=outside))
    pinned(damage())


def test_only_the_current_model_of_the_batch_is_found() -> None:
    put(MODEL, folder=cache.models_folder() / "bert_small-fp32-b1-0123456789ab")
    put(MODEL, folder=cache.models_folder() / ".bert_small-fp32-b1-0123456789ab.building")
    put(MODEL, batch=2)
    assert obtain.find(MODEL) is None
    current = put(MODEL, batch=1)
    found = obtain.find(MODEL)
    assert found is not None
    assert found.folder == current


def test_only_what_was_written_after_the_manifest_is_hashed_again(pinned: Pinned) -> None:
    folder = put()
    file = folder / "m.tflite"
    described = (folder / "manifest.json").stat().st_mtime_ns
    file.write_bytes(b"tflite BYTES")
    files = store.read(folder)
    os.utime(file, ns=(described, described - 1))
    store.verify(files, changed_only=True)
    os.utime(file, ns=(described, described + 1))
    with pinned.raises(BadInput):
        store.verify(files, changed_only=True)


def test_the_key_follows_the_converters_the_machinery_and_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {cache.key(MODEL, "fp32")}

    def changed() -> bool:
        before = len(seen)
        seen.add(cache.key(MODEL, "fp32"))
        return len(seen) > before

    assert not changed()
    other = cache.key("mobilenet_v2", "fp32")
    assert cache.key(MODEL, "int8") not in seen
    monkeypatch.setitem(pins.CONVERTERS, "tf2onnx", "9.9")
    assert changed()
    monkeypatch.setattr(cache.fingerprint, "definition", lambda *_: ["another formula"])
    assert changed()
    looser = replace(registry.get(MODEL), tolerance={"fp32": 1e-2})
    monkeypatch.setitem(registry.MODELS, MODEL, looser)
    assert changed()
    monkeypatch.undo()
    assert cache.key("mobilenet_v2", "fp32") == other
