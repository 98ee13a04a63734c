"""What was verified before is taken up again, if nothing that it depends on has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.verification import cells
from mobilebench.verification.answer_cache import Verifications, cell_key, reference_key
from mobilebench.verification.records import ReferenceFacts
from tests.verification.answers import HERE, answered, manifest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    return tmp_path


def test_a_cell_is_known_in_the_next_process_by_its_stamp(home: Path) -> None:
    Verifications("net", "fp32", "0123").keep(answered())
    later = Verifications("net", "fp32", "0123")
    assert later.answered("onnx/ortjs/wasm/simd-threads", "now") == answered(at=later._results.cells.popitem()[1].at)
    later = Verifications("net", "fp32", "0123")
    assert later.answered("onnx/ortjs/wasm/simd-threads", "another engine") is None
    assert later.answered("onnx/ortjs/webgpu/software", "now") is None
    assert [file.name for file in (home / "verifications").iterdir()] == ["net-fp32-0123.json"]


def test_other_files_are_another_matter() -> None:
    Verifications("net", "fp32", "0123").keep(answered())
    assert Verifications("net", "fp32", "4567").answered("onnx/ortjs/wasm/simd-threads", "now") is None


def test_a_refusal_is_kept_and_a_breakdown_is_not() -> None:
    known = Verifications("net", "fp32", "0123")
    known.keep(answered(refusal="no kernel", differences=[]))
    known.keep(answered(cell=answered().cell.model_copy(update={"engine": "tfjs"}), failure="it crashed"))
    later = Verifications("net", "fp32", "0123")
    refused = later.answered("onnx/ortjs/wasm/simd-threads", "now")
    assert refused is not None
    assert refused.refusal == "no kernel"
    assert later.answered("onnx/tfjs/wasm/simd-threads", "now") is None


def test_the_reference_is_kept_beside_the_cells() -> None:
    facts = ReferenceFacts(engine="tensorflow", version="2", stamp="then", outputs=[])
    known = Verifications("net", "fp32", "0123")
    known.keep(answered())
    known.keep_reference(facts)
    later = Verifications("net", "fp32", "0123")
    assert later.reference("then") == facts
    assert later.reference("now") is None
    assert later.answered("onnx/ortjs/wasm/simd-threads", "now") is not None


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema_version": 9}', b'{"cells": {"a": 1}}', b"\xff\x00"])
def test_a_file_that_cannot_be_read_is_as_good_as_none(home: Path, content: bytes) -> None:
    folder = home / "verifications"
    folder.mkdir()
    (folder / "net-fp32-0123.json").write_bytes(content)
    known = Verifications("net", "fp32", "0123")
    assert known.answered("onnx/ortjs/wasm/simd-threads", "now") is None
    known.keep(answered())
    assert Verifications("net", "fp32", "0123").answered("onnx/ortjs/wasm/simd-threads", "now") is not None


@pytest.mark.slow
def test_every_cell_and_the_reference_have_a_key_that_names_the_inputs() -> None:
    planned = cells.cells(manifest(), HERE, backends=cells.BACKENDS)
    keys = [cell_key(cell, HERE, ("published",)) for cell in planned]
    assert len({*keys, reference_key(manifest())}) == len(planned) + 1
    assert cell_key(planned[0], HERE, ("published", "upper")) != keys[0]
