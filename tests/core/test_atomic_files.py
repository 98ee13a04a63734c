"""Files that appear whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mobilebench.core import atomic_files


def test_a_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    target.write_text("old")
    with atomic_files.replacing(target, durable=True) as draft:
        draft.write_text("new")
        assert target.read_text() == "old"
        assert draft.parent == target.parent
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="half way"), atomic_files.replacing(target) as draft:
        draft.write_text("ne")
        raise RuntimeError("half way")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_was_never_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_files.replacing(tmp_path / "report.md"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    atomic_files.write_text(target, "a,ü\r\n", mode=0o444)
    assert target.read_bytes() == "a,ü\r\n".encode()
    assert target.stat().st_mode & 0o777 == 0o444
    atomic_files.write_text(target, "again")
    assert target.read_text() == "again"


def test_what_a_killed_writer_left_is_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "trace.json.gz"
    left = tmp_path / ".trace.json.gz.part"
    left.write_text("half of it")
    left.chmod(0o444)
    atomic_files.write_text(target, "whole", alone=True)
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def test_many_writers_at_once_leave_one_whole_text(tmp_path: Path) -> None:
    target = tmp_path / "state.json"
    texts = [f"{number}" * 50_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: atomic_files.write_text(target, text), texts * 4))
    assert target.read_text() in texts
    assert list(tmp_path.iterdir()) == [target]
