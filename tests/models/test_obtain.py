"""Building: refusals that need no TensorFlow, and real builds in a cache of their own."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core import log
from mobilebench.core.agreement import disagreements
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.models import obtain, pins, registry, store
from mobilebench.models.manifest import ModelFiles
from mobilebench.models.obtain import build
from mobilebench.models.synthetic_inputs import summarise
from tests.pinning import Pinned

MODELS = ("mobilenet_v2", "bert_small")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path))
    return tmp_path


def without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else found(name))


def test_a_model_without_definition_is_bad_input(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setitem(registry.MODELS, "vgg16", replace(registry.get("vgg16"), definition=None))
    with pinned.raises(BadInput):
        build("vgg16")


def test_an_unknown_model_is_bad_input(own_cache: Path, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        build("resnet18")


@pytest.mark.parametrize("batch", [0, -1])
def test_a_batch_of_nothing_is_bad_input(own_cache: Path, batch: int, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        build("bert_small", batch=batch)


def test_missing_converters_are_named_with_the_command_that_installs_them(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    without(monkeypatch, "tensorflow", "ai_edge_litert")
    with pinned.raises(BadInput):
        build("bert_small")
    assert list((own_cache / "models").iterdir()) == []


def test_a_converter_of_another_version_is_refused(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1")
    with pinned.raises(BadInput):
        build("bert_small")


class Builder:
    """Takes the place of the builder's process with a few lines of Python."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self._python = sys.executable
        self._script = tmp_path / "python"
        monkeypatch.setattr(pins, "require", lambda: None)
        monkeypatch.setattr(sys, "executable", str(self._script))

    def does(self, code: str) -> None:
        self._script.write_text(f"#!{self._python}\nimport json, os, sys, time\n{code}\n")
        self._script.chmod(0o755)


@pytest.fixture
def builder(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    return Builder(monkeypatch, tmp_path)


def left_in(folder: Path) -> set[str]:
    return {path.suffix for path in (folder / "models").iterdir()}


def test_the_builders_error_is_passed_on(
    builder: Builder, own_cache: Path, pinned: Pinned, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, log.ROOT)
    builder.does(
        "print(json.dumps({'step': 'converting'}))\n"
        "print(json.dumps({'error': 'The answer differs by 0.5.', 'hint': None}))\n"
        "sys.exit(1)"
    )
    steps: list[str] = []
    with pinned.raises(MobilebenchError) as caught:
        build("bert_small", progress=steps.append)
    assert steps == ["converting"]
    assert [message.partition(" (")[0] for message in caplog.messages] == [
        "build of bert_small fp32, batch 1: begun",
        "build of bert_small fp32, batch 1: failed",
    ]
    assert ".log" in (caught.value.hint or "")
    assert left_in(own_cache) == {".lock", ".log"}
    assert obtain.find("bert_small") is None


def test_a_crash_gives_its_last_line_and_the_log(builder: Builder, own_cache: Path, pinned: Pinned) -> None:
    builder.does("raise ValueError('no such operation')")
    with pinned.raises(MobilebenchError) as caught:
        build("bert_small")
    log = Path((caught.value.hint or "").removeprefix("The converters' log is ").rstrip("."))
    assert "Traceback" in log.read_text()


def test_a_killed_builder_is_told(builder: Builder, pinned: Pinned) -> None:
    builder.does("os.kill(os.getpid(), 9)")
    with pinned.raises(MobilebenchError):
        build("bert_small")


def test_a_full_disk_is_told_as_such(builder: Builder, own_cache: Path, pinned: Pinned) -> None:
    builder.does(
        "print('OSError: [Errno 28] No space left on device', file=sys.stderr, flush=True)\n"
        "print(json.dumps({'error': 'Building failed.', 'hint': None}))\n"
        "sys.exit(1)"
    )
    with pinned.raises(BadInput):
        build("bert_small")
    assert left_in(own_cache) == {".lock", ".log"}


def test_a_builder_that_leaves_nothing_usable_is_not_believed(
    builder: Builder, own_cache: Path, pinned: Pinned
) -> None:
    builder.does("")
    with pinned.raises(BadInput):
        build("bert_small")
    assert obtain.find("bert_small") is None


def test_an_interruption_ends_the_builder_and_leaves_nothing(builder: Builder, own_cache: Path) -> None:
    builder.does("print(json.dumps({'step': str(os.getpid())}), flush=True)\ntime.sleep(60)")
    process = 0

    def interrupt(step: str) -> None:
        nonlocal process
        process = int(step)
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        build("bert_small", progress=interrupt)
    assert time.monotonic() - began < 30
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert ".building" not in left_in(own_cache)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelFiles]:
    """Both models, built here and now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOBILEBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return {name: build(name) for name in MODELS}


@pytest.fixture
def built_cache(built: dict[str, ModelFiles], monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = built["bert_small"].folder.parents[1]
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(folder))
    return folder


@pytest.mark.build
@pytest.mark.parametrize("name", MODELS)
def test_a_built_model_is_what_the_registry_says(name: str, built: dict[str, ModelFiles], built_cache: Path) -> None:
    manifest = built[name].manifest
    entry = registry.get(name)
    assert set(manifest.formats) == {"saved_model", "tflite", "onnx", "tfjs"}
    assert [summary.name for summary in manifest.reference] == manifest.outputs == list(entry.outputs)
    assert manifest.inputs == entry.input_specs(1)
    for one in manifest.formats.values():
        assert list(one.inputs) == [spec.name for spec in manifest.inputs]
        assert list(one.outputs) == manifest.outputs
        assert one.bytes >= manifest.parameters * 4 * 0.98
    assert obtain.find(name) == built[name]
    assert not any(path.suffix in {".building", ".log"} for path in (built_cache / "models").iterdir())


@pytest.mark.build
def test_parameters_are_those_of_the_literature(built: dict[str, ModelFiles]) -> None:
    """BERT L2/H128 exactly; MobileNetV2 without the 17 056 batch norm scales that were folded into its filters."""
    assert built["bert_small"].manifest.parameters == registry.get("bert_small").parameters == 4_385_920
    assert built["mobilenet_v2"].manifest.parameters + 17_056 == registry.get("mobilenet_v2").parameters == 3_504_872


@pytest.mark.build
@pytest.mark.parametrize("name", MODELS)
def test_onnx_runtime_agrees_with_the_stored_reference(
    name: str, built: dict[str, ModelFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the files and the manifest alone, as a runner would."""
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    from mobilebench.models import synthetic_inputs

    files = built[name]
    names = files.manifest.formats["onnx"]
    session = onnxruntime.InferenceSession(files.file("onnx"), providers=["CPUExecutionProvider"])

    def summaries(offset: int) -> list[Any]:
        feed = {
            names.inputs[spec.name]: synthetic_inputs.fill(spec, position + offset)
            for position, spec in enumerate(files.manifest.inputs)
        }
        answers = session.run([names.outputs[output] for output in files.manifest.outputs], feed)
        return [summarise(output, values) for output, values in zip(files.manifest.outputs, answers, strict=True)]

    reference, tolerance = files.manifest.reference, files.manifest.tolerance
    assert disagreements(reference, summaries(0), tolerance) == []
    assert disagreements(reference, summaries(1), tolerance) != []


@pytest.mark.build
def test_nothing_is_built_twice(built: dict[str, ModelFiles], built_cache: Path) -> None:
    steps: list[str] = []
    assert obtain.ensure("bert_small", progress=steps.append) == built["bert_small"]
    assert steps == []


@pytest.mark.build
def test_a_truncated_model_is_told_and_built_again_byte_for_byte(
    built: dict[str, ModelFiles], built_cache: Path
) -> None:
    file = built["bert_small"].file("tflite")
    assert file is not None
    with file.open("r+b") as stream:
        stream.truncate(1_000_000)
    with pytest.raises(BadInput):
        obtain.find("bert_small")
    steps: list[str] = []
    again = obtain.ensure("bert_small", progress=steps.append)
    assert [("is damaged" in step) for step in steps[:2]] == [True, False]
    assert again.manifest.formats == built["bert_small"].manifest.formats
    store.verify(again)


@pytest.mark.build
def test_two_builders_at_once_build_once(own_cache: Path) -> None:
    code = "import sys; from mobilebench.models.obtain import build; build('bert_small', batch=2, progress=print)"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted((process.communicate(timeout=200)[0] for process in both), key=len)
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == "another process is building it; waiting\n"
    assert "converting to ONNX" in said[1]
    files = obtain.find("bert_small", batch=2)
    assert files is not None
    store.verify(files)
    assert [summary.shape for summary in files.manifest.reference] == [[2, 128, 128], [2, 128]]


@pytest.mark.build
def test_what_a_killed_build_left_behind_does_not_stop_the_next(own_cache: Path) -> None:
    code = (
        "from mobilebench.models.obtain import build\n"
        "build('bert_small', progress=lambda step: print(step, flush=True))"
    )
    first = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert first.stdout is not None
    first.stdout.readline()
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    assert obtain.find("bert_small") is None
    assert ".building" in left_in(own_cache)
    files = build("bert_small")
    store.verify(files)
    assert ".building" not in left_in(own_cache)
