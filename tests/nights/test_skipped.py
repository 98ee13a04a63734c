"""Phones that nights skipped, for those who show runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.nights import past
from mobilebench.nights.records import Phone
from mobilebench.nights.skipped import SkippedPhones
from tests.nights.rig import HOST, Rig, config, steady
from tests.nights.test_nights import TFLITE

AWAY = Phone(id="R5CT1", name="Example", outcome="away", words="it is not attached")


def test_each_run_of_a_night_has_the_phones_that_the_night_skipped(tmp_path: Path) -> None:
    rig, skipped = Rig(tmp_path), SkippedPhones(tmp_path)
    assert skipped.by_run() == {} and skipped.state() == ()
    rig.night([steady(1, TFLITE)], config())
    seen = skipped.state()
    assert skipped.by_run() == {} and len(seen) == 1
    rig.phones = [HOST, AWAY]
    rig.night([steady(1, TFLITE), steady(1, TFLITE)], config(suites=[{"suite": "quick"}, {"suite": "web"}]))
    assert skipped.state() != seen
    assert skipped.by_run() == {"run-2": (AWAY,), "run-3": (AWAY,)}


def test_a_night_is_read_once_and_again_when_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig, skipped = Rig(tmp_path, phones=[HOST, AWAY]), SkippedPhones(tmp_path)
    night = rig.night([steady(1, TFLITE)], config())
    read, files = past.read, []
    monkeypatch.setattr(past, "read", lambda file: (files.append(file), read(file))[1])
    assert skipped.by_run() == skipped.by_run() == {"run-1": (AWAY,)}
    assert len(files) == 1
    past.write(tmp_path, night.model_copy(update={"phones": [HOST]}))
    assert skipped.by_run() == {}
    assert len(files) == 2


def test_a_night_that_cannot_be_read_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(tmp_path, phones=[HOST, AWAY])
    for _ in range(2):
        night = rig.night([steady(1, TFLITE)], config())
    (past.night_folder(tmp_path, night) / past.FILE_NAME).write_text("{")
    assert SkippedPhones(tmp_path).by_run() == {"run-1": (AWAY,)}
    assert "is no night" in caplog.text
