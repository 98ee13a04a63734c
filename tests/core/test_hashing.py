"""SHA-256 of files, computed once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from mobilebench.core import hashing


def test_a_sum_is_computed_again_only_for_a_changed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"one")
    computed: list[Path] = []

    def sha256_of(path: Path) -> str:
        computed.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(hashing, "sha256_of", sha256_of)
    first = hashing.known_sha256(file)
    assert first == hashlib.sha256(b"one").hexdigest()
    assert hashing.known_sha256(file) == first
    assert len(computed) == 1
    stamp = file.stat()
    other = tmp_path / "other"
    other.write_bytes(b"two")
    os.utime(other, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other.replace(file)
    assert hashing.known_sha256(file) == hashlib.sha256(b"two").hexdigest()
    assert len(computed) == 2


def test_several_files_have_one_sum_that_does_not_depend_on_their_order() -> None:
    assert hashing.sha256_of_all({"one": "a" * 64}) == "a" * 64
    both = {"one": "a" * 64, "two": "b" * 64}
    assert hashing.sha256_of_all(both) == hashing.sha256_of_all(dict(reversed(both.items())))
    assert hashing.sha256_of_all(both) != hashing.sha256_of_all({"one": "b" * 64, "two": "a" * 64})
