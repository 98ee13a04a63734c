"""The pinned libraries as the real clients bring them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.engines import libraries
from mobilebench.engines.libraries import catalogue, given, pins

pytestmark = pytest.mark.network

NEEDED = {
    "tflite": [b"TfLiteInterpreterCreate", b"TfLiteXNNPackDelegateCreate", b"SetTelemetryProfiler"],
    "onnxruntime": [b"OrtGetApiBase"],
}
"""Functions that the runner asks every library of an engine for."""

OF_BACKEND = {("tflite", "nnapi"): b"TfLiteNnapiDelegateCreate", ("tflite", "gpu"): b"TfLiteGpuDelegateV2Create"}

PHONES = [
    (engine, backend, build)
    for engine, builds in pins.lock().engines.items()
    for build, choices in builds.items()
    for choice in choices
    for backend in choice.backends
    if build.startswith("android-")
]


@pytest.fixture(autouse=True)
def no_files_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in given.NAMES:
        monkeypatch.delenv(given.variable(name), raising=False)


@pytest.mark.parametrize(("engine", "backend", "build"), PHONES, ids="-".join)
def test_a_phones_library_is_for_its_processor_and_has_the_functions(engine: str, backend: str, build: str) -> None:
    found = libraries.libraries_for(engine, backend, build)
    for one in filter(None, (found.core, found.delegate)):
        header = given.read_elf(one.path)
        assert header is not None
        assert header.fits(build)
    core = found.core.path.read_bytes()
    assert all(function in core for function in NEEDED[engine])
    if function := OF_BACKEND.get((engine, backend)):
        assert function in (found.delegate.path.read_bytes() if found.delegate else core)


@pytest.mark.parametrize("engine", ["tflite", "onnxruntime"])
def test_into_an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path))
    told: list[str] = []
    found = libraries.libraries_for(engine, "cpu", "android-x86_64", told.append).core
    assert found.path.is_relative_to(tmp_path)
    assert told[0].startswith("Fetching ")
    assert found.origin in {
        source.coordinate for archive in pins.lock().archives.values() for source in archive.sources
    }


def test_every_library_of_this_computer_can_be_fetched() -> None:
    entries = catalogue.entries((), [libraries.host_build()])
    assert {entry.engine for entry in entries} == set(libraries.ENGINES)
    assert [catalogue.fetch(entry) for entry in entries] == [None] * len(entries)
    assert all(libraries.library(engine, libraries.host_build()).path.is_file() for engine in libraries.ENGINES)
