"""A live run comes out of the store, of an export and without names as it was, and its accuracy follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.analysis.live_accuracy import live_accuracies
from mobilebench.core.errors import BadInput
from mobilebench.core.page_quality import Void
from mobilebench.core.records import StoredEvent
from mobilebench.results.anonymous import Anonymiser
from mobilebench.results.store import Store
from mobilebench.results.transfer import reading, writing
from mobilebench.reuse import shapes
from mobilebench.reuse.answers import perfect
from mobilebench.reuse.evaluation import Evaluator
from mobilebench.reuse.live import compare
from mobilebench.reuse.watched import of_events
from tests.results.making import host

from .made_live import repetition, run_of, watched


@pytest.mark.slow
def test_it_comes_back_from_the_store_and_an_export_as_it_was(tmp_path: Path) -> None:
    one = watched([80.0, 31.25], [120.0])
    run, events = run_of(one, host())
    with Store.open(tmp_path / "store") as store:
        store.add([(run, events)], lambda: None)
        assert of_events(store.stored_events("last")) == [one]
        writing.write(store, [run.info.id], tmp_path / "export.zip", writing.Wanted())
    with reading.opened(tmp_path / "export.zip") as export:
        assert of_events(export.runs[0].events) == [one]
    assert of_events(Anonymiser([run.info]).events(events)) == [one]


@pytest.mark.slow
def test_its_accuracy_is_that_of_the_live_run(tmp_path: Path) -> None:
    times = [[80.0, 31.25], [120.0]]
    (found,) = live_accuracies([watched(*times)], resamples=20)
    frames = shapes.generate().frames
    expected = compare(Evaluator(frames, perfect(frames), resamples=20), [repetition(one) for one in times])
    assert found.outcome == expected
    assert found.watched.unlike == 0


def test_another_set_of_frames_is_void() -> None:
    (found,) = live_accuracies([watched([80.0], set_sha256="0" * 64)])
    assert isinstance(found.outcome, Void)
    assert "not the one that this version" in found.outcome.reason


def test_answers_that_are_missing_are_void() -> None:
    (found,) = live_accuracies([watched([80.0], answers_here={})])
    assert isinstance(found.outcome, Void)
    assert "clip0/0000.png" in found.outcome.reason


def test_other_events_are_no_live_runs_and_a_broken_one_is_named() -> None:
    _, (event,) = run_of(watched([80.0]), host())
    assert of_events([StoredEvent(at=event.at, kind="RunFinished")]) == []
    broken = event.model_copy(update={"data": {**event.data, "place": "elsewhere"}})
    with pytest.raises(BadInput, match="place"):
        of_events([broken])
