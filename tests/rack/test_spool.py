"""A spool keeps a job's events under fixed numbers."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mobilebench.rack import spool as spooling
from mobilebench.rack.messages import Submit
from mobilebench.rack.spool import Spool, Spools
from mobilebench.session import events

from ..results.making import START, measured, planned
from .making import job

STARTED = events.TargetStarted(target="R58M", blocks=2)
ENDED = events.TargetFinished(target="R58M")


def finished(index: int) -> events.BlockFinished:
    return events.BlockFinished(at=START, target="R58M", block=measured(planned(index)))


def submit(job_id: str = "j") -> Submit:
    return Submit(job_id=job_id, host="host-1", job=job())


def made(folder: Path, job_id: str = "j") -> Spool:
    return Spools(folder).create(submit(job_id))


def test_events_keep_their_numbers(tmp_path: Path) -> None:
    spool = made(tmp_path)
    for event in (STARTED, finished(0), finished(1), ENDED):
        spool.append(event)
    lines = spool.read(0)
    assert [events.from_json(line) for line in lines] == [STARTED, finished(0), finished(1), ENDED]
    assert spool.read(2) == lines[2:]
    assert spool.read(4) == spool.read(9) == ()
    assert (spool.finished, spool.measured) == (True, {0, 1})


def test_it_is_the_same_after_a_restart(tmp_path: Path) -> None:
    spool = made(tmp_path)
    spool.append(STARTED)
    spool.append(finished(1))
    lines = spool.read(0)
    spool.close()
    ((job_id, again),) = Spools(tmp_path).open_all()
    assert (job_id, again.submit(), again.read(0), again.measured) == ("j", submit(), lines, {1})
    assert not again.finished
    again.append(finished(0))
    assert len(again.read(0)) == 3


@pytest.mark.parametrize("torn", [b'{"kind": "BlockFin', b"\n", b'{"kind": "Nothing"}\n', b"\x00" * 100])
def test_what_was_not_written_wholly_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    spool = made(tmp_path)
    spool.append(finished(0))
    lines = spool.read(0)
    spool.close()
    with (tmp_path / "j" / "events.jsonl").open("ab") as file:
        file.write(torn)
    ((_, again),) = Spools(tmp_path).open_all()
    assert again.read(0) == lines
    again.append(ENDED)
    assert events.from_json(again.read(1)[0]) == ENDED


def test_an_answer_is_bounded_but_never_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "EVENTS_AT_ONCE", 10)
    spool = made(tmp_path)
    for index in range(3):
        spool.append(finished(index))
    assert [len(spool.read(after)) for after in range(4)] == [1, 1, 1, 0]


def test_an_event_that_could_not_be_written_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = made(tmp_path)
    spool.append(STARTED)
    full = (tmp_path / "full").open("w+b")

    class Full:
        def write(self, line: bytes) -> None:
            raise OSError(28, "No space left on device")

        def __getattr__(self, name: str) -> object:
            return getattr(full, name)

    with monkeypatch.context() as patched:
        patched.setattr(spool, "_file", Full())
        with pytest.raises(OSError, match="No space"):
            spool.append(finished(0))
    assert spool.measured == set()
    spool.append(finished(0))
    assert len(spool.read(0)) == 2


def test_spools_that_nobody_took_end(tmp_path: Path) -> None:
    made(tmp_path, "old").close()
    made(tmp_path, "new").close()
    long_ago = time.time() - (spooling.KEEP_DAYS + 1) * 86400
    for file in (tmp_path / "old").iterdir():
        os.utime(file, (long_ago, long_ago))
    assert [job_id for job_id, _ in Spools(tmp_path).open_all()] == ["new"]
    assert not (tmp_path / "old").exists()


def test_a_spool_whose_removal_was_cut_off_is_no_new_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = made(tmp_path)
    spool.append(finished(0))

    def killed(folder: Path, **_: object) -> None:
        (folder / "events.jsonl").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(spooling.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            spool.remove()
    assert len(list(tmp_path.iterdir())) == 1
    assert list(Spools(tmp_path).open_all()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_removed_spool_is_gone(tmp_path: Path) -> None:
    spool = made(tmp_path)
    spool.remove()
    assert list(Spools(tmp_path).open_all()) == []
