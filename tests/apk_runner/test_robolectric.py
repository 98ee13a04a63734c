"""The app's activity, service, instrumentation and manifest on this computer's JVM, with the real core and runner."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from apk_runner.packing import robolectric
from apk_runner.packing.facts import TESTS, apk, core, runner_library
from mobilebench.core.records import Measurement
from mobilebench.engines import libraries

pytestmark = [pytest.mark.build, pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]

WITHOUT_RUNNER = ["LibraryMissingTest"]
WITH_RUNNER = sorted(path.stem for path in TESTS.rglob("*Test.java") if path.stem not in WITHOUT_RUNNER)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> robolectric.Compiled:
    assert apk().is_file(), "run `make apk` first"
    assert core().is_file(), "run `make app-core` first"
    return robolectric.compiled(tmp_path_factory.mktemp("robolectric"))


@pytest.fixture(scope="module")
def kept(compiled: robolectric.Compiled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The answers of the jobs that all tests with a runner have run."""
    folder = tmp_path_factory.mktemp("kept")
    runner = runner_library(libraries.host_build())
    assert runner.is_file(), "run `make native` first"
    passed(robolectric.run(compiled, WITH_RUNNER, folder, runner.parent))
    return folder


def passed(ended: robolectric.Ended) -> None:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"OK \([1-9]\d* tests?\)", ended.stdout), ended.stdout


def answer(kept: Path, name: str) -> Measurement:
    return Measurement.model_validate_json((kept / f"{name}.answer.json").read_text())


def app(kept: Path, name: str) -> dict[str, object]:
    read: dict[str, object] = json.loads((kept / f"{name}.app.json").read_text())
    return read


@pytest.mark.parametrize("name", ["foreground", "service"])
def test_jobs_are_measured_in_both_contexts(kept: Path, name: str) -> None:
    measured = answer(kept, name)
    assert measured.status == "ok"
    assert measured.engine == "sleep"
    assert len(measured.prediction_ms) == 3
    assert min(measured.prediction_ms) >= 50
    assert app(kept, name)["context"] == f"app-{name}"


def test_a_prediction_without_time_is_measured_in_groups(kept: Path) -> None:
    measured = answer(kept, "instant")
    assert measured.status == "ok"
    assert measured.predictions_per_sample > 1


def test_refused_arguments_are_answered_as_by_the_shells_runner(kept: Path) -> None:
    measured = answer(kept, "refused")
    assert measured.status == "error"
    assert measured.reason
    assert "1 to 256" in measured.reason


def test_app_json_has_every_field(kept: Path) -> None:
    for name in ("foreground", "service", "instant", "refused"):
        assert set(app(kept, name)) == {
            "schema",
            "job",
            "apk_version",
            "process_state",
            "importance",
            "oom_score_adj",
            "cpuset",
            "sched_group",
            "context",
            "visible",
            "thermal_status",
            "thermal_headroom",
            "low_memory",
            "max_heap_mb",
            "sdk",
        }


def test_a_missing_runner_is_an_answer(compiled: robolectric.Compiled, tmp_path: Path) -> None:
    passed(robolectric.run(compiled, WITHOUT_RUNNER, tmp_path))
