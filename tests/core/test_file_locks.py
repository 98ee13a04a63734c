"""Locks between processes: waiting, sharing, trying, and locks that were removed meanwhile."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mobilebench.core import file_locks

_HOLD = (
    "import sys; from pathlib import Path; from mobilebench.core import file_locks\n"
    "with getattr(file_locks, sys.argv[1])(Path(sys.argv[2])): print(flush=True); sys.stdin.read()"
)


@contextmanager
def held_by_another(how: str, lock: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, how, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            yield other
        finally:
            other.kill()


@pytest.fixture(params=["file", "folder"])
def lock(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "lock"
    if request.param == "folder":
        path.mkdir()
    return path


def is_free(lock: Path) -> bool:
    with file_locks.if_free(lock) as free:
        return free


def test_one_holder_alone_keeps_all_others_out(lock: Path) -> None:
    with file_locks.exclusive(lock):
        assert not is_free(lock)
    assert is_free(lock)


def test_users_share_a_lock_and_keep_out_who_wants_it_alone(lock: Path) -> None:
    with file_locks.shared(lock), file_locks.shared(lock):
        assert not is_free(lock)
    assert is_free(lock)


@pytest.mark.parametrize("how", ["exclusive", "shared"])
def test_a_killed_process_holds_nothing(how: str, lock: Path) -> None:
    with held_by_another(how, lock) as other:
        assert not is_free(lock)
        other.kill()
        other.wait()
        assert is_free(lock)


def test_waiting_is_reported_once_and_ends(tmp_path: Path) -> None:
    reports: list[str] = []
    lock = tmp_path / "lock"
    with held_by_another("exclusive", lock) as other:

        def waiting() -> None:
            reports.append("waiting")
            other.kill()

        with file_locks.exclusive(lock, waiting):
            assert not is_free(lock)
    assert reports == ["waiting"]


def test_a_lock_that_was_only_tried_leaves_no_file(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with file_locks.if_free(lock) as free:
        assert free
        assert lock.exists()
    assert not lock.exists()


def test_a_lock_that_was_there_stays(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    assert is_free(lock)
    assert lock.exists()
