"""Live runs in a real Chrome, on this computer and on a virtual phone: frames keep their identity, and accuracy is near
that of the simulation at the same latencies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mobilebench.analysis.live_accuracy import live_accuracies
from mobilebench.core import paths
from mobilebench.core.page_quality import Void
from mobilebench.results.store import Store
from mobilebench.reuse import shapes
from mobilebench.reuse.watched import of_events
from mobilebench.scenarios.accuracy import detector
from mobilebench.virtual import phones
from tests.cli.command_line import mobilebench
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [
    pytest.mark.browser,
    pytest.mark.build,
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(1800),
    pytest.mark.usefixtures("closed_pages"),
]
NEAR = 0.15
"""How far live and simulated accuracy may differ, as a share, where as many frames are reused in both."""
COST = 3.0
"""How much further for the share of frames that only one of them reuses: a machine may be busy between inferences."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home with the detector, and an adb server of its own."""
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        detector.ensure(lambda step: None)
        yield


def watched(options: str) -> dict[str, Any]:
    code, out, err = mobilebench(f"accuracy --live --repeat 1 --resamples 0 --json {options}")
    found: dict[str, Any] = json.loads(out)
    assert found["outcome"] == "measured", (found, err)
    assert code == 0, found["remarks"]
    stored(found)
    return found


def stored(found: dict[str, Any]) -> None:
    """The run in the store has all raw values, and gives the same accuracy."""
    with Store.open(paths.home(), create=False) as store:
        (watched,) = of_events(store.stored_events(found["run"]))
        assert store.resolve("last") == found["run"]
    assert [
        [{"clip": clip.clip, "shown_ms": clip.shown_ms, "answered": [one.model_dump() for one in clip.answered]}
         for clip in one.clips]
        for one in watched.repetitions
    ] == found["repetitions"]  # fmt: skip
    assert watched.measurement.proof.model_dump(mode="json") == found["proof"]["proof"]
    (judged,) = live_accuracies([watched], resamples=0)
    assert not isinstance(judged.outcome, Void)
    for metric, one in judged.outcome.metrics.items():
        assert (one.live.value, one.simulated.value) == tuple(
            found["metrics"][metric][side]["value"] for side in ("live", "simulated")
        )


def check(found: dict[str, Any]) -> None:
    """What holds in every live run, however fast the machine is."""
    (repetition,) = found["repetitions"]
    assert [clip["clip"] for clip in repetition] == list(shapes.generate().frames.clips)
    processed = 0
    for clip in repetition:
        times = [1000 * number / shapes.FPS for number in range(shapes.FRAMES_OF_CLIP)]
        assert all(shown is None or shown >= due for shown, due in zip(clip["shown_ms"], times, strict=True))
        ends = [one["answered_ms"] for one in clip["answered"]]
        assert all(one["started_ms"] >= end for one, end in zip(clip["answered"][1:], ends, strict=False))
        processed += len(clip["answered"])
    assert 0 < processed <= found["frames"]
    assert found["frames_reused"] == [found["frames"] - processed]
    assert found["answers_unlike_here"] <= 0.02 * processed
    more = abs(found["frames_reused"][0] - found["frames_reused_simulated"][0]) / found["frames"]
    for metric, values in found["metrics"].items():
        assert abs(values["difference"]["value"]) < NEAR + COST * more, metric


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("options", "runs_in"),
    [
        ("--engine ortjs --backend wasm", "main thread"),
        ("--engine tfjs --backend js", "main thread"),
        ("--engine tfjs --backend wasm --threads 2 --place worker", "worker"),
        ("--engine litertjs --backend wasm", "main thread"),
    ],
)
def test_a_page_watches_the_set_and_is_as_accurate_as_simulated(options: str, runs_in: str) -> None:
    found = watched(options)
    check(found)
    assert found["proof"]["proof"]["runs_in"] == runs_in
    assert found["proof"]["inference_ms"] == []


@pytest.mark.adb
@pytest.mark.usefixtures("trained")
def test_the_chrome_of_a_phone_watches_too() -> None:
    serial = phones.up(names=["watcher"])[0].serial
    check(watched(f"--serial {serial}"))
