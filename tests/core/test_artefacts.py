"""Files that another computer sent are used when they are whole, and only then."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from mobilebench.core import artefacts, file_locks
from mobilebench.core.errors import BadInput


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path))


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def put(content: bytes, **options: int) -> str:
    name = digest(content)
    assert artefacts.put(name, 0, len(content), content, **options) == len(content)
    return name


def age(name: str, seconds: float) -> None:
    file = artefacts.folder() / name
    at = file.stat().st_mtime - seconds
    os.utime(file, (at, at))


def test_a_file_counts_when_its_last_byte_has_come() -> None:
    content = b"0123456789"
    name = digest(content)
    assert artefacts.missing([name, name]) == [name]
    assert artefacts.put(name, 0, 10, content[:4]) == 4
    assert artefacts.find(name) is None
    assert artefacts.put(name, 4, 10, content[4:]) == 10
    found = artefacts.find(name)
    assert found is not None
    assert found.read_bytes() == content
    assert artefacts.missing([name]) == []


@pytest.mark.parametrize("offset", [0, 2, 6])
def test_a_part_that_does_not_follow_changes_nothing(offset: int) -> None:
    content = b"0123456789"
    name = digest(content)
    artefacts.put(name, 0, 10, content[:4])
    assert artefacts.put(name, offset, 10, content[offset : offset + 3]) == 4
    assert artefacts.put(name, 4, 10, content[4:]) == 10


def test_two_senders_of_one_file_do_not_disturb_each_other() -> None:
    content = b"0123456789"
    name = digest(content)
    first = second = 0
    while first < 10 or second < 10:
        first = artefacts.put(name, first, 10, content[first : first + 3])
        second = artefacts.put(name, second, 10, content[second : second + 2])
    assert artefacts.find(name) is not None


def test_an_empty_file_is_a_file() -> None:
    assert artefacts.find(put(b"")) is not None


def test_another_content_is_refused_and_can_be_sent_again() -> None:
    name = digest(b"right")
    with pytest.raises(BadInput, match="not the one"):
        artefacts.put(name, 0, 5, b"wrong")
    assert artefacts.missing([name]) == [name]
    assert artefacts.put(name, 0, 5, b"right") == 5


@pytest.mark.parametrize(("offset", "total", "size"), [(0, 2, 3), (3, 2, 0), (-1, 2, 1), (1, 2, 2)])
def test_numbers_that_do_not_fit_are_refused(offset: int, total: int, size: int) -> None:
    with pytest.raises(BadInput):
        artefacts.put(digest(b"x"), offset, total, b"x" * size)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_digests_name_files(name: str) -> None:
    for call in (
        artefacts.find,
        lambda one: artefacts.put(one, 0, 1, b"x"),
        lambda one: artefacts.arranged({"a": one}),
    ):
        with pytest.raises(BadInput):
            call(name)


def test_a_damaged_file_is_not_used() -> None:
    name = put(b"content")
    (artefacts.folder() / name).write_bytes(b"damaged")
    assert artefacts.find(name) is None
    assert artefacts.missing([name]) == [name]
    put(b"content")


def test_files_lie_under_the_names_that_an_engine_expects() -> None:
    files = {"model.json": put(b"model"), "weights/1.bin": put(b"weights")}
    place = artefacts.arranged(files)
    assert place is not None
    assert (place / "weights" / "1.bin").read_bytes() == b"weights"
    assert artefacts.arranged(files) == place
    (place / "model.json").unlink()
    (place / "model.json").write_bytes(b"other")
    assert artefacts.arranged(files) == place
    assert (place / "model.json").read_bytes() == b"model"
    assert artefacts.arranged({"a": digest(b"not here")}) is None
    assert artefacts.arranged({}) is None


@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "a/../../b", "", "."])
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    with pytest.raises(BadInput):
        artefacts.arranged({name: put(b"x")})


def test_the_longest_unused_is_removed_first_and_what_is_in_use_stays() -> None:
    old, used, fresh = put(b"a" * 100), put(b"b" * 100), put(b"c" * 100)
    age(old, 90_000)
    age(used, 80_000)
    place = artefacts.arranged({"m": used})
    assert place is not None
    age(used, 80_000)
    with file_locks.shared(place.with_name(f"{place.name}.lock")):
        assert artefacts.prune(0, kept_seconds=3600) == 100
        assert artefacts.find(old) is None
        assert place.is_dir()
    age(used, 80_000)
    assert artefacts.prune(0, kept_seconds=3600) == 100
    assert not place.exists()
    assert artefacts.find(fresh) is not None
    assert artefacts.prune(0, kept_seconds=-1) == 100


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    first = put(b"a" * 60)
    with pytest.raises(BadInput, match="used within a week"):
        put(b"b" * 60, most_bytes=100)
    age(first, artefacts.KEPT_SECONDS + 60)
    second = put(b"b" * 60, most_bytes=100)
    assert artefacts.missing([first, second]) == [first]
    monkeypatch.setattr(artefacts, "LARGEST_BYTES", 10)
    with pytest.raises(BadInput, match="larger"):
        put(b"c" * 11)
